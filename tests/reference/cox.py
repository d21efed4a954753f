"""What lifelines says about proportional hazards in the trial of `tests/federations/trial`.

Writes `cox.json`, a list of queries with their rows: few ties, many ties (steps of 6 months, three times), correlated
and categorical features, unknown values, rows of two hospitals and of a join. requirements.txt pins the versions.
"""

import json
import pathlib

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent / "federations" / "trial" / "parties"
# The levels of the policies, the first of which has no term.
LEVELS = {
    "arm": ["control", "drug"],
    "age": ["young", "old"],
    "stage": [1, 2, 3],
    "toxicity": ["none", "mild", "severe"],
}
PRECISE = {"precision": 1e-12, "r_precision": 1e-14}


def read(party, table):
    # "none" is a level of toxicity.
    return pd.read_csv(DATA / party / "data" / f"{table}.csv", keep_default_na=False, na_values=[""])


north, south, followup = read("north", "patients"), read("south", "patients"), read("registry", "followup")
SOURCES = {
    "stacked": pd.concat([north, south], ignore_index=True),
    "linked": north.drop(columns=["months", "died", "after", "toxicity"]).merge(followup, on="patient_id"),
}
SOURCES["mixed"] = pd.concat([SOURCES["linked"], south], ignore_index=True)
QUERIES = [
    ("arm,age,before,visits", "", None, 0.95),
    ("arm,stage", ", categorical => 'stage', grid => 6", 6, 0.95),
    ("before,after,arm,toxicity", ", level => 0.9", None, 0.9),
    ("stage", ", grid => 20", 20, 0.95),
]
CASES = []


def cell(value):
    if isinstance(value, str):
        return value
    # Digits that do not depend on the machine.
    return int(value) if isinstance(value, (int, np.integer)) else float(f"{value:.12g}")


def case(sql, rows):
    CASES.append(dict(sql=sql, rows=[[cell(value) for value in row] for row in rows]))


for name, table in SOURCES.items():
    for features, options, width, level in QUERIES:
        names = features.split(",")
        kept = table.dropna(subset=["months", "died", *names])
        months = kept["months"] if width is None else np.ceil(kept["months"] / width) * width
        model = {"months": months.astype(float), "died": kept["died"].map({True: True, False: False, "true": True, "false": False})}
        for feature in names:
            if feature in LEVELS and (feature != "stage" or "categorical" in options):
                for one in LEVELS[feature][1:]:
                    model[f"{feature}={one}"] = (kept[feature] == one).astype(float)
            else:
                model[feature] = kept[feature].astype(float)
        fit = CoxPHFitter(alpha=1 - level).fit(pd.DataFrame(model), "months", "died", fit_options=PRECISE)
        summary = fit.summary
        columns = ["coef", "exp(coef)", "se(coef)", "z", "p", *(c for c in summary if c.startswith("coef "))]
        arguments = f"{name}, time => 'months', event => 'died', features => '{features}'{options}"
        case(f"SELECT * FROM COX({arguments})", [[t, *row] for t, row in zip(summary.index, summary[columns].to_numpy())])
        case(f"SELECT * FROM COX_SUMMARY({arguments})",
             [[len(kept), len(table) - len(kept), int(model["died"].sum()), fit.log_likelihood_,
               fit.log_likelihood_ratio_test().test_statistic]])

(HERE / "cox.json").write_text(json.dumps(CASES, indent=1) + "\n")
