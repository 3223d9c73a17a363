"""How well does a support vector machine read handwritten digits, and with which parameters?

    jug status digits.py        # what there is to do
    jug execute digits.py &     # as many of these as there are processor cores,
    jug execute digits.py       # on as many machines as share this folder
    jug shell digits.py         # then: best, value(accuracy), value(confusion)

Needs numpy, scikit-learn and, for the plot, matplotlib.
"""

import numpy as np

from jug import TaskGenerator, Tasklet, bvalue, return_tuple

# A task is identified by the name of its function and by its arguments. Add a number here and run
# 'jug execute' again: only what the new number brings is computed. (Keep to one way of writing
# numbers: as arguments, 1 and 1.0 are not the same.)
CS = [0.1, 1.0, 10.0, 100.0]
GAMMAS = [1e-5, 1e-4, 3e-4, 1e-3, 2e-3, 3e-3]


# Calling one of these functions computes nothing. It makes a task, whose result other tasks can
# have as an argument. The functions import scikit-learn inside, because every jug command runs
# this file: 'jug status' should not wait for a library that only the work itself needs. And all
# that a result depends on is an argument, for a change of anything else goes unnoticed.


@return_tuple(4)  # a call gives four objects, each of which can be passed on
@TaskGenerator
def split_digits(test_size, seed):
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, digits = load_digits(return_X_y=True)
    return train_test_split(images, digits, test_size=test_size, stratify=digits, random_state=seed)


@TaskGenerator
def cross_validate(images, digits, C, gamma):
    """The accuracy on each fifth of the images, for a model trained on the other four."""
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import SVC

    return cross_val_score(SVC(C=C, gamma=gamma), images, digits, cv=5)


@TaskGenerator
def train(images, digits, C, gamma):
    from sklearn.svm import SVC

    return SVC(C=C, gamma=gamma).fit(images, digits)  # a result is anything that can be pickled


@TaskGenerator
def predict(model, images):
    return model.predict(images)


@TaskGenerator
def confusion_matrix(digits, predicted):
    from sklearn.metrics import confusion_matrix as count

    return count(digits, predicted)  # how many of each digit (row) were read as which (column)


@TaskGenerator
def plot(search, images, digits, predicted, path):
    from matplotlib.figure import Figure  # unlike pyplot, it never looks for a display

    figure = Figure(figsize=(11, 4.4), dpi=120, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.2, 1))

    axes = left.subplots()
    axes.set_title("Cross-validated accuracy (%), the best in red")
    axes.set_xticks(range(len(search["gamma"])), [f"{gamma:g}" for gamma in search["gamma"]])
    axes.set_yticks(range(len(search["C"])), [f"{C:g}" for C in search["C"]])
    axes.set(xlabel="gamma", ylabel="C")
    axes.imshow(search["accuracy"], vmin=0.9, vmax=1, cmap="Blues", origin="lower", aspect="auto")
    for (i, j), accuracy in np.ndenumerate(search["accuracy"]):
        style = {"color": "white" if accuracy > 0.95 else "black", "ha": "center", "va": "center"}
        if {"C": search["C"][i], "gamma": search["gamma"][j]} == search["best"]:
            style.update(weight="bold", bbox={"boxstyle": "round", "facecolor": "tab:red"})
        axes.text(j, i, f"{100 * accuracy:.1f}", **style)

    wrong = sorted(np.flatnonzero(predicted != digits), key=lambda i: digits[i])
    right.suptitle(f"{len(wrong)} of {len(digits)} test images are misread")
    for n, axes in enumerate(right.subplots(3, 4).flat):
        axes.axis("off")
        if n < len(wrong):
            axes.imshow(images[wrong[n]].reshape(8, 8), cmap="gray_r")
            axes.set_title(f"{digits[wrong[n]]} read as {predicted[wrong[n]]}", fontsize="medium")
    figure.savefig(path)
    return path  # only this is stored: to have a lost plot again, invalidate the task and execute


train_images, test_images, train_digits, test_digits = split_digits(test_size=0.5, seed=0)

# Tasks in ordinary lists: 24 of them, for any number of workers to share.
scores = [[cross_validate(train_images, train_digits, C, gamma) for gamma in GAMMAS] for C in CS]

# A Tasklet is for what is so quickly computed that it need not be stored.
mean_scores = Tasklet(scores, lambda folds: np.mean(folds, axis=-1))

# The rest depends on what the scores are. Until they are there, jug reads the file up to here;
# then bvalue() returns them, and each 'jug execute' goes on with the tasks below.
accuracies = bvalue(mean_scores)

# So this is an array, not a task, and the best parameters are just two numbers. By these numbers
# the final model is known: after a search in a larger grid, it is trained again only if another
# point has won.
i, j = np.unravel_index(np.argmax(accuracies), accuracies.shape)  # among equals, the smallest C
best = {"C": CS[i], "gamma": GAMMAS[j]}
search = {"C": CS, "gamma": GAMMAS, "accuracy": accuracies, "best": best}

model = train(train_images, train_digits, **best)
predicted = predict(model, test_images)
confusion = confusion_matrix(test_digits, predicted)
accuracy = Tasklet(confusion, lambda counts: float(counts.trace() / counts.sum()))
figure = plot(search, test_images, test_digits, predicted, "digits.png")
