import os
from time import sleep

from jug import TaskGenerator


@TaskGenerator
def is_prime(n):
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(log, b"%d\n" % n)
    os.close(log)
    sleep(0.01)
    return all(n % j for j in range(2, n - 1))


primes100 = [is_prime(n) for n in range(2, 101)]
