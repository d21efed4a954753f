"""Synthetic data of a two-hospital trial, and what reference tools say about it.

Writes the tables of `tests/federations/trial` and `trial.json`, a list of queries with the rows that pandas, scipy and
lifelines give. Run it from this folder; requirements.txt pins the versions. The tests read the files, not Python.
"""

import json
import pathlib

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test
from scipy import stats

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent / "federations" / "trial" / "parties"
ROWS = 120


def site(seed, prefix):
    """One hospital's patients, with a few unknown values."""
    rng = np.random.default_rng(seed)
    n = ROWS
    arm = rng.choice(["control", "drug"], n)
    age = rng.choice(["old", "young"], n, p=[0.55, 0.45])
    stage = rng.choice([1, 2, 3], n, p=[0.4, 0.35, 0.25])
    hazard = 0.03 * np.where(arm == "drug", 0.6, 1.0) * np.where(age == "old", 1.5, 1.0) * 1.2 ** (stage - 1)
    months = np.ceil(rng.exponential(1 / hazard)).astype(int)
    censored = rng.integers(6, 61, n)
    died = months <= censored
    months = np.clip(np.minimum(months, censored), 1, 60)
    response = np.where(rng.random(n) < np.where(arm == "drug", 0.55, 0.35), "yes", "no")
    toxicity = rng.choice(["none", "mild", "severe"], n, p=[0.5, 0.3, 0.2])
    before = np.round(rng.normal(50, 9, n), 1).clip(0, 100)
    after = np.round(before + rng.normal(np.where(arm == "drug", 4, 1), 6), 1).clip(0, 100)
    visits = rng.poisson(4, n).clip(0, 20)
    table = pd.DataFrame(
        dict(
            patient_id=[f"{prefix}{i:03}" for i in range(n)],
            arm=arm,
            age=age,
            stage=stage,
            months=months,
            died=died,
            response=response,
            toxicity=toxicity,
            before=before,
            after=after,
            visits=visits,
        )
    )
    for column, some in [("arm", 2), ("months", 3), ("died", 2), ("response", 4), ("before", 5), ("after", 4)]:
        table[column] = table[column].astype(object)
        table.loc[rng.choice(n, some, replace=False), column] = None
    return table


def text(value):
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, (bool, np.bool_)) else value


def write(table, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    table.map(text).to_csv(path, index=False)


north, south = site(11, "N"), site(12, "S")
write(north[["patient_id", "arm", "age", "stage", "months", "died", "response", "toxicity", "before", "after", "visits"]],
      DATA / "north" / "data" / "patients.csv")
write(south, DATA / "south" / "data" / "patients.csv")
# The same northern patients, their attributes at two owners, some without a partner.
followup = north[["patient_id", "months", "died", "after", "toxicity"]].iloc[10:].sample(frac=1, random_state=5)
write(followup, DATA / "registry" / "data" / "followup.csv")

stacked = pd.concat([north, south], ignore_index=True)
linked = north.iloc[10:]
SOURCES = {"stacked": stacked, "linked": linked, "mixed": pd.concat([linked, south], ignore_index=True)}
CASES = []


def case(sql, rows):
    def cell(value):
        if value is None:
            return None
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
        if isinstance(value, (int, np.integer)):
            return int(value)
        if isinstance(value, (float, np.floating)):
            return None if not np.isfinite(value) else float(f"{value:.12g}")
        return str(value)

    CASES.append(dict(sql=sql, rows=[[cell(value) for value in row] for row in rows]))


def complete(table, *columns):
    kept = table.dropna(subset=list(columns)).copy()
    for column in ["months", "before", "after"]:
        if column in columns:
            kept[column] = kept[column].astype(float)
    if "died" in columns:
        kept["died"] = kept["died"].astype(bool)
    return kept


def groups(table, value, by):
    kept = complete(table, value, by)
    return [kept.loc[kept[by] == level, value].astype(float).to_numpy() for level in sorted(kept[by].unique())]


def kaplan_meier(table, last):
    """Survival, interval, numbers at risk and of events at 1, 2, ..., `last` months."""
    fit = KaplanMeierFitter().fit(table["months"], table["died"], timeline=np.arange(1, last + 1))
    rows = []
    for t in range(1, last + 1):
        at_risk = int((table["months"] >= t).sum())
        if at_risk == 0:
            break
        lower, upper = fit.confidence_interval_.loc[t]
        events = int(((table["months"] == t) & table["died"]).sum())
        rows.append([t, fit.survival_function_.loc[t].iloc[0], lower, upper, at_risk, events])
    return rows, fit


for name, table in SOURCES.items():
    # Tests of means.
    a, b = groups(table, "after", "arm")
    for options, kwargs in [("", {}), (", equal_var => false", {"equal_var": False}),
                            (", alternative => 'less'", {"alternative": "less"}),
                            (", equal_var => false, alternative => 'greater'", {"equal_var": False, "alternative": "greater"})]:
        test = stats.ttest_ind(a, b, **kwargs)
        case(f"SELECT * FROM T_TEST({name}, value => 'after', by => 'arm'{options})",
             [[test.statistic, test.df, test.pvalue, a.mean(), b.mean(), len(a), len(b)]])
    both = complete(table, "before", "after")
    test = stats.ttest_rel(both["before"], both["after"])
    case(f"SELECT * FROM T_TEST({name}, value => 'before,after', paired => true)",
         [[test.statistic, test.df, test.pvalue, both["before"].mean(), both["after"].mean(), len(both), len(both)]])
    welch = stats.ttest_ind(a, b, equal_var=False)
    interval = welch.confidence_interval(0.9)
    smd = (a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    case(f"SELECT * FROM MEAN_DIFFERENCE({name}, value => 'after', by => 'arm', level => 0.9)",
         [[a.mean() - b.mean(), interval.low, interval.high, smd, welch.pvalue]])
    samples = groups(table, "after", "toxicity")
    test = stats.f_oneway(*samples)
    k, n = len(samples), sum(map(len, samples))
    case(f"SELECT * FROM ANOVA({name}, value => 'after', by => 'toxicity')", [[test.statistic, k - 1, n - k, test.pvalue]])
    # Tests of ranks.
    test = stats.kruskal(*samples)
    case(f"SELECT * FROM KRUSKAL({name}, value => 'after', by => 'toxicity')", [[test.statistic, k - 1, test.pvalue]])
    test = stats.kruskal(*groups(table, "visits", "stage"))
    case(f"SELECT * FROM KRUSKAL({name}, value => 'visits', by => 'stage')", [[test.statistic, 2, test.pvalue]])
    for alternative in ["two-sided", "less", "greater"]:
        test = stats.mannwhitneyu(*groups(table, "visits", "arm"), alternative=alternative, method="asymptotic")
        case(f"SELECT * FROM MANN_WHITNEY({name}, value => 'visits', by => 'arm', alternative => '{alternative}')",
             [[test.statistic, None, test.pvalue]])
    # Tables.
    kept = complete(table, "arm", "response")
    cells = pd.crosstab(kept["arm"], kept["response"])
    for correction in [False, True]:
        test = stats.chi2_contingency(cells, correction=correction)
        case(f"SELECT * FROM CHI2_TEST({name}, row => 'arm', column => 'response', correction => {str(correction).lower()})",
             [[test.statistic, test.dof, test.pvalue]])
    kept = complete(table, "toxicity", "stage")
    test = stats.chi2_contingency(pd.crosstab(kept["toxicity"], kept["stage"]), correction=False)
    case(f"SELECT * FROM CHI2_TEST({name}, row => 'toxicity', column => 'stage')", [[test.statistic, test.dof, test.pvalue]])
    # Distributions.
    kept = complete(table, "after", "arm")
    edges = np.linspace(0, 100, 9)
    orders = [0.1, 0.25, 0.5, 0.975]
    quantiles = []
    for level in ["control", "drug"]:
        values = kept.loc[kept["arm"] == level, "after"]
        quantiles += [[level, q, np.quantile(values, q)] for q in orders]
    case(f"SELECT * FROM QUANTILES({name}, value => 'after', by => 'arm', q => '0.1,0.25,0.5,0.975')", quantiles)
    case(f"SELECT * FROM QUANTILES({name}, value => 'visits', q => '0,0.5,1')",
         [[None, q, np.quantile(table["visits"], q)] for q in [0, 0.5, 1]])
    counts, _ = np.histogram(complete(table, "after")["after"], bins=8, range=(0, 100))
    case(f"SELECT * FROM HISTOGRAM({name}, value => 'after', bins => 8)",
         [[None, edges[i], edges[i + 1], n] for i, n in enumerate(counts)])
    rows = []
    for level in ["control", "drug"]:
        counts, edges = np.histogram(table.loc[table["arm"] == level, "visits"], bins=5, range=(0, 20))
        rows += [[level, edges[i], edges[i + 1], n] for i, n in enumerate(counts)]
    case(f"SELECT * FROM HISTOGRAM({name}, value => 'visits', bins => 5, by => 'arm')", rows)
    case(f"SELECT * FROM JOIN_SIZE({name})", [[len(table)]])
    kept = complete(table, "arm", "response")
    cells = pd.crosstab(kept["arm"], kept["response"])
    case(f"SELECT * FROM CROSSTAB({name}, row => 'arm', column => 'response')",
         [[row, column, cells.loc[row, column]] for row in cells.index for column in cells.columns])
    for alternative in ["two-sided", "less", "greater"]:
        test = stats.fisher_exact(cells, alternative=alternative)
        case(f"SELECT * FROM FISHER_TEST({name}, row => 'arm', column => 'response', alternative => '{alternative}')",
             [[test.statistic, test.pvalue]])
    rows = []
    for column in ["after", "visits", "before"]:
        values = table[column].astype(float)
        described = values.describe()
        extremes = [None, None] if column == "before" else [described["min"], described["max"]]
        rows.append([column, described["count"], values.isna().sum(), described["mean"], described["std"], extremes[0],
                     described["25%"], described["50%"], described["75%"], extremes[1]])
    case(f"SELECT * FROM DESCRIBE_STATS({name}, columns => 'after,visits,before')", rows)
    numeric = table[["before", "after", "visits"]].astype(float)
    for function, matrix in [("CORRELATION", numeric.corr()), ("COVARIANCE", numeric.cov())]:
        case(f"SELECT * FROM {function}({name}, columns => 'before,after,visits')",
             [[row, column, matrix.loc[row, column]] for row in matrix.index for column in matrix.columns])
    # Survival.
    for by in [None, "arm"]:
        kept = complete(table, "months", "died", *([by] if by else []))
        levels = sorted(kept[by].unique()) if by else [None]
        curves, medians, at_times = [], [], []
        for level in levels:
            part = kept if level is None else kept[kept[by] == level]
            rows, fit = kaplan_meier(part, 60)
            curves += [[level, *row] for row in rows]
            medians.append([level, fit.median_survival_time_])
            for t in [12, 24.5, 36]:
                lower, upper = fit.confidence_interval_.loc[int(t)]
                at_times.append([level, t, fit.survival_function_.loc[int(t)].iloc[0], lower, upper])
        argument = f", by => '{by}'" if by else ""
        arguments = f"{name}, time => 'months', event => 'died'{argument}"
        case(f"SELECT * FROM KAPLAN_MEIER({arguments})", curves)
        case(f"SELECT * FROM MEDIAN_SURVIVAL({arguments})", medians)
        case(f"SELECT * FROM SURVIVAL_AT({arguments}, times => '12,24.5,36')", at_times)
    for by, strata in [("arm", None), ("toxicity", None), ("arm", "stage")]:
        kept = complete(table, "months", "died", by)
        if strata is None:
            test = multivariate_logrank_test(kept["months"], kept[by], kept["died"])
            row = [test.test_statistic, len(kept[by].unique()) - 1, test.p_value]
            argument = ""
        else:
            # One group's scores and variances add over strata (Mantel and Haenszel).
            score = variance = 0.0
            for _, part in kept.groupby(strata):
                for t in sorted(part.loc[part["died"], "months"].unique()):
                    risk = part[part["months"] >= t]
                    n, m = len(risk), (risk[by] == "control").sum()
                    d = ((risk["months"] == t) & risk["died"]).sum()
                    o = ((risk["months"] == t) & risk["died"] & (risk[by] == "control")).sum()
                    score += o - d * m / n
                    variance += d * (n - d) / max(n - 1, 1) * m / n * (1 - m / n)
            row = [score**2 / variance, 1, stats.chi2.sf(score**2 / variance, 1)]
            argument = f", strata => '{strata}'"
        case(f"SELECT * FROM LOGRANK({name}, time => 'months', event => 'died', by => '{by}'{argument})", [row])
    # Direct standardisation.
    kept = complete(table, "died", "age", "arm")
    weights = {"old": 0.3, "young": 0.7}
    rows = []
    for level in sorted(kept["arm"].unique()):
        part = kept[kept["arm"] == level]
        rate = variance = 0.0
        for age, weight in weights.items():
            events = part.loc[part["age"] == age, "died"]
            rate += weight * events.mean()
            variance += weight**2 * events.mean() * (1 - events.mean()) / len(events)
        reach = stats.norm.ppf(0.975) * np.sqrt(variance)
        rows.append([level, rate, rate - reach, rate + reach])
    case(f"SELECT * FROM STANDARDIZED_RATE({name}, event => 'died', by => 'arm', strata => 'age', population => 'old=300,young=700')", rows)

(HERE / "trial.json").write_text(json.dumps(CASES, indent=1) + "\n")
