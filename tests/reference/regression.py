"""Regressions of statsmodels 0.14.5 and scikit-learn 1.7.2 (numpy 2.4.6) on 400 rows of integers."""

import csv
import json

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import Lasso, LogisticRegression, Ridge

ROWS = 400
NAMES = ["a", "b", "c", "d", "line", "happened", "count"]
FEATURES = ["a", "b", "c", "d"]


def sample():
    """Features a, b (correlated), c (0 or 1), d (noise), and a target of each kind."""
    state = 1

    def below(modulus):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % modulus

    for _ in range(ROWS):
        a = below(1001) - 500
        b = a + below(401) - 200
        c = below(2)
        d = below(10001) - 5000
        line = 3 * a - 2 * b + 400 * c + below(2001) - 1000
        happened = int(line + below(1601) - 800 > 0)
        count = below(4) + (a + 500) // 200 + 2 * c
        yield [a, b, c, d, line, happened, count]


def terms(names, columns, values):
    return [dict(zip(["term", *columns], row)) for row in zip(names, *map(np.ravel, values))]


def inference(fit, statistic, ratio=None):
    """A row for each term of a fit of statsmodels."""
    low, high = np.asarray(fit.conf_int()).T
    columns = ["coefficient", "std_error", statistic, "p"]
    values = [fit.params, fit.bse, fit.tvalues, fit.pvalues]
    if ratio:
        columns.append(ratio)
        values.append(np.exp(fit.params))
    return terms(["intercept", *FEATURES], [*columns, "lower", "upper"], [*values, low, high])


def main():
    rows = list(sample())
    with open("regression.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *NAMES])
        writer.writerows([[f"p{number}", *row] for number, row in enumerate(rows)])
    data = dict(zip(NAMES, np.array(rows, float).T))
    x = np.column_stack([data[name] for name in FEATURES])
    constant = sm.add_constant(x)
    ols = sm.OLS(data["line"], constant).fit()
    logit = sm.Logit(data["happened"], constant).fit(disp=0, tol=1e-14)
    poisson = sm.GLM(data["count"], constant, family=sm.families.Poisson()).fit(tol=1e-14)
    ridge = Ridge(alpha=1000).fit(x, data["line"])
    lasso = Lasso(alpha=20, tol=1e-14, max_iter=10**6).fit(x, data["line"])
    penalised = LogisticRegression(C=1 / 3, tol=1e-12, solver="newton-cholesky").fit(x, data["happened"])
    names = ["intercept", *FEATURES]
    coefficients = lambda fit: terms(names, ["coefficient"], [np.append(fit.intercept_, fit.coef_)])
    results = {
        "LINEAR_REGRESSION": inference(ols, "t"),
        "LINEAR_REGRESSION_SUMMARY": [
            {
                "n": ROWS,
                "df": int(ols.df_resid),
                "r2": ols.rsquared,
                "adjusted_r2": ols.rsquared_adj,
                "f": ols.fvalue,
                "f_p": ols.f_pvalue,
            }
        ],
        "LOGISTIC_REGRESSION": inference(logit, "z", "odds_ratio"),
        "LOGISTIC_REGRESSION_SUMMARY": [
            {"n": ROWS, "log_likelihood": logit.llf, "pseudo_r2": logit.prsquared}
        ],
        "LOGISTIC_REGRESSION penalised": coefficients(penalised),
        "POISSON_REGRESSION": inference(poisson, "z", "rate_ratio"),
        "RIDGE": coefficients(ridge),
        "RIDGE_SUMMARY": [{"n": ROWS, "r2": ridge.score(x, data["line"])}],
        "LASSO": coefficients(lasso),
    }
    with open("regression.json", "w") as file:
        json.dump(results, file, indent=1, default=float)
        file.write("\n")


main()
