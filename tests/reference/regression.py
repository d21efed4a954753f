"""Regressions of statsmodels 0.14.5 and scikit-learn 1.7.2 (numpy 2.4.6) on 400 rows of integers."""

import csv
import json
from hashlib import sha256
from struct import pack

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LogisticRegression,
    Ridge,
    RidgeCV,
)
from sklearn.model_selection import PredefinedSplit

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


def fold(identifier, folds):
    """The fold of a person, as `LASSO` with `alpha => 'cv'` documents it."""
    form = identifier.upper().encode()
    return int.from_bytes(sha256(pack("<Q", len(form)) + form).digest()[:8], "big") % folds


def candidates(bound):
    """The penalties of `alpha => 'cv'` without `alphas`: 16 of 1 and 3 times powers of ten, the largest at most `bound`."""
    series = [digit * 10.0**power for power in range(-12, 12) for digit in (1, 3)]
    return [float(f"{alpha:g}") for alpha in series if alpha <= bound][-16:][::-1]


def rounded(value):
    """Digits that do not depend on the machine."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return value if isinstance(value, (str, int)) else float(f"{value:.12g}")


def terms(names, columns, values):
    return [dict(zip(["term", *columns], row)) for row in zip(names, *map(np.ravel, values))]


def likelihoods(fit):
    """The summary of a fit of statsmodels' GLM."""
    return {"n": ROWS, "log_likelihood": fit.llf, "pseudo_r2": 1 - fit.llf / fit.llnull}


def inference(fit, statistic, ratio=None, features=FEATURES):
    """A row for each term of a fit of statsmodels."""
    low, high = np.asarray(fit.conf_int()).T
    columns = ["coefficient", "std_error", statistic, "p"]
    values = [fit.params, fit.bse, fit.tvalues, fit.pvalues]
    if ratio:
        columns.append(ratio)
        values.append(np.exp(fit.params))
    return terms(["intercept", *features], [*columns, "lower", "upper"], [*values, low, high])


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
    precise = {"tol": 1e-14, "max_iter": 10**6}
    net = ElasticNet(alpha=20, l1_ratio=0.3, **precise).fit(x, data["line"])
    scaled = (x - x.mean(0)) / x.std(0)
    scaled_net = ElasticNet(alpha=2, l1_ratio=0.3, **precise).fit(scaled, data["line"])
    scaled_ridge = Ridge(alpha=1000).fit(scaled, data["line"])
    split = PredefinedSplit([fold(f"p{number}", 4) for number in range(ROWS)])
    alphas = [1, 0.3, 0.1, 0.05, 0.03, 0.01, 0.003]
    chosen = LassoCV(alphas=alphas, cv=split, **precise).fit(scaled, data["count"])
    automatic = LassoCV(alphas=candidates(10), cv=split, **precise).fit(scaled, data["count"])
    # Half the ranges of the widest feature and of the target, by the ratio.
    nets = {"alphas": candidates(5000 * 10 / 0.3), "l1_ratio": 0.3, "cv": split, **precise}
    net_chosen = ElasticNetCV(**nets).fit(x, data["count"])
    net_scaled = ElasticNetCV(**nets | {"alphas": alphas}).fit(scaled, data["count"])
    by_error = {"cv": split, "scoring": "neg_mean_squared_error"}
    weights = [100, 10, 3, 1, 0.3, 0.1]
    ridge_chosen = RidgeCV(alphas=weights, **by_error).fit(x, data["line"])
    ridge_scaled = RidgeCV(alphas=weights, **by_error).fit(scaled, data["line"])
    ridge_automatic = RidgeCV(**by_error).fit(scaled, data["count"])
    path = [(alpha, Lasso(alpha=alpha, **precise).fit(x, data["line"])) for alpha in (1000, 100, 5)]
    penalised = LogisticRegression(C=1 / 3, tol=1e-12, solver="newton-cholesky").fit(x, data["happened"])
    # One step for all features, so that the solver converges.
    sparse = LogisticRegression(
        penalty="l1", C=1000 / 400, solver="saga", tol=1e-13, max_iter=10**6
    ).fit(x / 1000, data["happened"])
    others = np.column_stack([data[name] for name in "abd"])
    offset = sm.GLM(
        data["count"], sm.add_constant(others), family=sm.families.Poisson(), offset=data["c"]
    ).fit(tol=1e-14)
    names = ["intercept", *FEATURES]
    coefficients = lambda fit: terms(names, ["coefficient"], [np.append(fit.intercept_, fit.coef_)])

    def unscaled(fit):
        """The coefficients of features that were divided by their deviations, on the original scale."""
        slopes = fit.coef_ / x.std(0)
        return terms(names, ["coefficient"], [np.append(fit.intercept_ - x.mean(0) @ slopes, slopes)])

    def chosen_summary(fit, features, target):
        return {
            "n": ROWS,
            "alpha": fit.alpha_,
            "r2": fit.score(features, data[target]),
            "nonzero": int(np.sum(fit.coef_ != 0)),
        }

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
        "LOGISTIC_REGRESSION sparse": terms(
            names, ["coefficient"], [np.append(sparse.intercept_, sparse.coef_ / 1000)]
        ),
        "POISSON_REGRESSION": inference(poisson, "z", "rate_ratio"),
        "POISSON_REGRESSION_SUMMARY": [likelihoods(poisson)],
        "POISSON_REGRESSION offset": inference(offset, "z", "rate_ratio", "abd"),
        "POISSON_REGRESSION_SUMMARY offset": [likelihoods(offset)],
        "RIDGE": coefficients(ridge),
        "RIDGE_SUMMARY": [{"n": ROWS, "r2": ridge.score(x, data["line"]), "nonzero": 4}],
        "RIDGE standardised": unscaled(scaled_ridge),
        "LASSO": coefficients(lasso),
        "LASSO chosen": unscaled(chosen),
        "LASSO_SUMMARY chosen": [chosen_summary(chosen, scaled, "count")],
        "LASSO automatic": unscaled(automatic),
        "LASSO_SUMMARY automatic": [chosen_summary(automatic, scaled, "count")],
        "ELASTIC_NET automatic": coefficients(net_chosen),
        "ELASTIC_NET_SUMMARY automatic": [chosen_summary(net_chosen, x, "count")],
        "ELASTIC_NET chosen": unscaled(net_scaled),
        "ELASTIC_NET_SUMMARY chosen": [chosen_summary(net_scaled, scaled, "count")],
        "RIDGE chosen": coefficients(ridge_chosen),
        "RIDGE_SUMMARY chosen": [chosen_summary(ridge_chosen, x, "line")],
        "RIDGE standardised chosen": unscaled(ridge_scaled),
        "RIDGE_SUMMARY standardised chosen": [chosen_summary(ridge_scaled, scaled, "line")],
        "RIDGE automatic": unscaled(ridge_automatic),
        "RIDGE_SUMMARY automatic": [chosen_summary(ridge_automatic, scaled, "count")],
        "LASSO_PATH": [
            {"alpha": alpha, **term} for alpha, fit in path for term in coefficients(fit)
        ],
        "ELASTIC_NET": coefficients(net),
        "ELASTIC_NET_SUMMARY": [{"n": ROWS, "r2": net.score(x, data["line"]), "alpha": 20}],
        "ELASTIC_NET standardised": unscaled(scaled_net),
    }
    with open("regression.json", "w") as file:
        json.dump(rounded(results), file, indent=1)
        file.write("\n")


main()
