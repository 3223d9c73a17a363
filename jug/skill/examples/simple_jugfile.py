"""A first jugfile: one task for each file, and one task that puts the results together.

Run it with ``jug execute simple_jugfile.py``, in as many terminals or jobs as there are cores. Nothing here waits for a
result: each call makes a task, and the tasks are passed on as if they were the results.
"""

from jug import TaskGenerator


@TaskGenerator
def count_words(text):
    """The work of one task. What it returns is stored, and has to be something that can be pickled."""
    counts = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return counts


@TaskGenerator
def add_up(all_counts):
    """Runs when all tasks in the list are finished, and is given their results."""
    total = {}
    for counts in all_counts:
        for word, number in counts.items():
            total[word] = total.get(word, 0) + number
    return total


# In the place of texts, pass names of files, and let each task read its own.
TEXTS = ["to be or not to be", "that is the question", "to sleep perchance to dream"]

counts = [count_words(text) for text in TEXTS]
total = add_up(counts)

# An item of a result is a tasklet: it is computed when it is needed, and not stored.
number_of_to = total["to"]
