"""Which numbers up to 100 are prime?

    jug status primes.py        # what there is to do
    jug execute primes.py &     # as many of these as you like
    jug shell primes.py         # then: sum(value(primes100))

Needs nothing but jug (and IPython for the last).
"""

from time import sleep

from jug import TaskGenerator


@TaskGenerator
def is_prime(n):
    sleep(0.2)  # so that there is time to look at 'jug status'
    return all(n % j for j in range(2, n))


primes100 = [is_prime(n) for n in range(2, 101)]
