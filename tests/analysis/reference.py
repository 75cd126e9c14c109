"""Maps one reference case to the library's public functions; holds no statistics itself.

Where the product prints a figure, the case goes through the function that the product calls.
"""

from dataclasses import astuple
from operator import itemgetter

from analysis import (
    AnalysisError,
    compare,
    design,
    disclosure,
    double_sampling,
    drivers,
    exact_verdict,
    floor_verdict,
    forecast,
    headline,
    intervals,
    missing_bounds,
    monitor,
    nonresponse,
    ordinal,
    plan,
    poststratify,
    rank,
    response_rate,
    runlength,
)

Result = dict[str, object]
_name = itemgetter("stratum")


def _fields(found: object) -> Result:
    return {name: getattr(found, name) for name in type(found).__dataclass_fields__}


def _interval(found: intervals.Interval) -> Result:
    return {
        "estimate": found.estimate,
        "se": found.se,
        "ci_low": found.low,
        "ci_high": found.high,
        "status": found.status,
    }


def _a_simple(inputs: dict, options: dict) -> Result:
    function = {
        "wilson": intervals.wilson,
        "clopper_pearson": intervals.clopper_pearson,
        "jeffreys": intervals.jeffreys,
    }[options["method"]]
    return _interval(function(inputs["y"], inputs["n"], options["confidence"]))


def _a_finite(inputs: dict, options: dict) -> Result:
    y, n, N = inputs["y"], inputs["n"], inputs["N"]
    exact = options["method"] == "hypergeometric"
    function = intervals.hypergeometric if exact else intervals.wilson_fpc
    found = function(y, n, N, options["confidence"])
    low, high = missing_bounds(y, n, N)
    result = _interval(found)
    result.update(missing_low=low, missing_high=high, response_rate=response_rate(n, N))
    if exact and n:
        result.update(count_low=found.count_low, count_high=found.count_high)
    return result


def _columns(strata: list[dict]) -> tuple[list[int], list[int], list[int]]:
    return [s["y"] for s in strata], [s["n"] for s in strata], [s["N"] for s in strata]


def _line(strata: list[dict]) -> tuple[list[list[int]], ...]:
    """One report line of strata: y, n, N, late, which must stand in the order of their names."""
    columns = *_columns(strata), [s["late"] for s in strata]
    return tuple([column] for column in columns)


def _first(column: object) -> object:
    """The figure of the first report line as a plain value, None where it is not defined."""
    return _defined(column.tolist())[0]


def _design_mean(inputs: dict, options: dict) -> design.DesignMean:
    kind = options["design"]
    if kind == "cluster":
        columns = [[c[name] for c in inputs["clusters"]] for name in ("m", "y", "count")]
        return design.clustered(design.citizen_sums(*columns))
    owner = {name: into for into, names in options.get("collapse", {}).items() for name in names}
    groups = [owner.get(s["stratum"], s["stratum"]) for s in inputs["strata"]]
    columns = poststratify.joined(*_columns(inputs["strata"]), groups)
    if kind == "poststratified_fpc":
        return design.poststratified(*columns)
    if kind == "weighted":
        return design.weighted(*columns)
    fpc = {"stratified_fpc": True, "stratified": False}[kind]
    return design.stratified(*columns, fpc=fpc, lonely=options.get("lonely_psu", "fail"))


def _b_design(inputs: dict, options: dict) -> Result:
    mean = _design_mean(inputs, options)
    low, high = design.design_interval(mean, options["method"], options["confidence"])
    return {
        "estimate": mean.estimate,
        "se": mean.se,
        "df": mean.df,
        "n_eff": mean.n_eff,
        "ci_low": low,
        "ci_high": high,
        "status": "ok",
    }


def _b_degenerate(inputs: dict, options: dict) -> Result:
    columns = _columns(inputs["strata"])
    found = poststratify.degenerate(*columns, options["confidence"])
    return {
        "estimate": found.estimate,
        "se": _design_mean(inputs, options).se,
        "n_eff": found.n_eff,
        "ci_low": found.low,
        "ci_high": found.high,
        "rule": found.rule,
        "status": "ok",
    }


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _guarded(found: poststratify.GuardedLines) -> Result:
    rule, df = _first(found.rule), _first(found.df)
    return {
        "estimate": _first(found.estimate),
        "se_guarded": _first(found.se),
        "df": _whole(df),
        "n_eff": _first(found.n_eff),
        "ci_low": _first(found.low),
        "ci_high": _first(found.high),
        "rule": rule,
        "status": "no_data" if rule == "no_data" else "ok",
    }


def _b_guarded(inputs: dict, options: dict) -> Result:
    columns = ([column] for column in _columns(inputs["strata"]))
    return _guarded(poststratify.guarded_lines(*columns, options["confidence"]))


def _b_collapse(inputs: dict, options: dict) -> Result:
    strata = sorted(inputs["strata"], key=_name)
    merged = poststratify.collapse_lines(*_line(strata), **options)
    members: dict[int, list[str]] = {}
    for one, column in zip(strata, merged.owner[0].tolist(), strict=True):
        members.setdefault(column, []).append(_name(one))
    cells = [
        {"members": names, **{name: int(getattr(merged, name)[0, column]) for name in "Nny"}}
        for column, names in members.items()
    ]
    return {"cells": sorted(cells, key=lambda cell: "+".join(cell["members"]))}


def _b_nonresponse(inputs: dict, _options: dict) -> Result:
    return _fields(nonresponse(*_columns(inputs["strata"])))


def _c_two_sample(inputs: dict, options: dict) -> Result:
    found = compare.two_sample(*(inputs[k] for k in ("y1", "n1", "y2", "n2")), **options)
    return {
        "estimate": found.estimate,
        "ci_low": found.low,
        "ci_high": found.high,
        "p_value_score": found.p_value_score,
        "p_value_fisher": found.p_value_fisher,
    }


def _c_two_design(inputs: dict, options: dict) -> Result:
    first, second = _columns(inputs["group1"]), _columns(inputs["group2"])
    return _fields(compare.two_stratified(first, second, **options))


def _c_multiplicity(inputs: dict, options: dict) -> Result:
    found = compare.adjust(inputs["p_values"], **options)
    return {"adjusted": list(found.adjusted), "rejected": list(found.rejected)}


def _e_rank(inputs: dict, options: dict) -> Result:
    found = rank.rank_intervals(inputs["index"], inputs["se"], **options)
    return {
        "rank": found.rank.tolist(),
        "rank_low": found.low.tolist(),
        "rank_high": found.high.tolist(),
        "z": found.z,
    }


def _e_shrinkage(inputs: dict, options: dict) -> Result:
    found = rank.shrink(inputs["y"], inputs["n"], options["confidence"])
    return {
        "alpha": found.alpha,
        "beta": found.beta,
        "mean": found.mean,
        "rho": found.rho,
        "loglik_kernel": found.loglik,
        "shrunk": found.shrunk.tolist(),
        "ci_low": found.low.tolist(),
        "ci_high": found.high.tolist(),
    }


def _d_verdict(inputs: dict, options: dict) -> Result:
    counts = inputs["y"], inputs["n"], inputs["N"]
    target = options["target_num"], options["target_den"]
    if options["method"] == "hypergeometric":
        found = _fields(exact_verdict(*counts, target, options["confidence"]))
    else:
        cells = ([[count]] for count in counts)
        lines = headline.headline_verdicts(*cells, [[0]], target, options["confidence"])
        found = {name: _first(column) for name, column in _fields(lines).items()}
    return {
        "estimate": found["estimate"],
        "one_sided_low": found["low"],
        "one_sided_high": found["high"],
        "verdict": found["verdict"],
        "secured_whatever_happens": found["secured"],
        "lost_whatever_happens": found["lost"],
        "needed_n": _whole(found["needed_n"]),
        "additional_n": _whole(found["additional_n"]),
    }


def _d_plan(inputs: dict, options: dict) -> Result:
    found = plan(inputs["N"], inputs["true_index"], **options)
    return {"n0": found.n0, "n": found.n, "exact_power": found.exact_power}


def _d_floor(inputs: dict, options: dict) -> Result:
    counts = (inputs[name] for name in ("y", "n", "N", "late"))
    found = floor_verdict(*counts, options["confidence"])
    return {
        "late_share": found.late_share,
        "late_fail": found.late_fail,
        "index_low": found.low,
        "index_high": found.high,
        "index_floor": found.index_floor,
        "can_rank_good": found.can_rank_good,
    }


def _defined(values: list[float]) -> list[float | None]:
    return [None if value != value else value for value in values]  # noqa: PLR0124 - NaN


def _f_pchart(inputs: dict, options: dict) -> Result:
    found = monitor.control_limits(
        inputs["y"], inputs["n"], options["method"], options["k_sigma"], options.get("p_center")
    )
    return {
        "center": found.center,
        "sigma_z": found.sigma_z,
        "lcl": _defined(found.low.tolist()),
        "ucl": _defined(found.high.tolist()),
        "below": list(found.below),
        "above": list(found.above),
    }


def _f_cusum_path(inputs: dict, options: dict) -> Result:
    found = monitor.cusum_path(inputs["y"], inputs["n"], **options)
    return {"path": list(found.path), "first_alarm": found.first_alarm}


def _f_ewma_path(inputs: dict, options: dict) -> Result:
    found = monitor.ewma_path(
        inputs["y"], inputs["n"], options["p0"], options["lambda"], options["k_sigma"]
    )
    return {"path": list(found.path), "lcl": list(found.low), "below": list(found.below)}


def _arl(q: float, inputs: dict, chart: str) -> float:
    if chart == "bernoulli_cusum":
        return runlength.bernoulli_arl(q, inputs["m"], inputs["H"])
    rho = inputs.get("rho") or 0.0
    if chart == "p_chart":
        return runlength.limit_arl(inputs["n"], q, inputs["limit"], rho)
    step = inputs["den"], inputs["k_num"]
    return runlength.batch_arl(inputs["n"], q, step, inputs["H"], rho)


def _f_arl(inputs: dict, options: dict) -> Result:
    return {"arl": [_arl(q, inputs, options["chart"]) for q in inputs["q"]]}


def _g_lmg(inputs: dict, _options: dict) -> Result:
    found = drivers.lmg(drivers.moments(inputs["patterns"]), minimum=0)
    result: Result = {"r2": found.r2}
    for name in ("lmg", "share", "performance", "zero_order"):
        values = _defined(getattr(found, name).tolist())
        result[name] = dict(zip(inputs["factors"], values, strict=True))
    return result


def _g_ordinal(inputs: dict, _options: dict) -> Result:
    found = ordinal.proportional_odds(inputs["patterns"])
    return {
        "coef": dict(zip(inputs["factors"], found.coef.tolist(), strict=True)),
        "se": dict(zip(inputs["factors"], found.se.tolist(), strict=True)),
        "thresholds": found.thresholds.tolist(),
        "loglik": found.loglik,
    }


def _h_audit(inputs: dict, options: dict) -> Result:
    found = disclosure.audit(inputs["counts"], inputs["suppressed"], options["min_width"])
    cells = [
        {"row": row, "col": column, "low": low, "high": high, "disclosed": disclosed}
        for (row, column), low, high, disclosed in map(astuple, found.cells)
    ]
    return {"cells": cells, "safe": found.safe}


def _i_forecast(inputs: dict, options: dict) -> Result:
    target = options["target"]
    found = forecast.trend(
        inputs["y"], inputs["n"], inputs["deadline_index"], target, options["confidence"]
    )
    remaining = inputs.get("remaining_n")
    result = _fields(found)
    result.update(ci_low=found.low, ci_high=found.high, needed_share=None)
    if remaining is not None:
        so_far = sum(inputs["y"]), sum(inputs["n"])
        result.update(needed_share=forecast.needed_share(*so_far, remaining, target))
    return result


def _j_double_sampling(inputs: dict, options: dict) -> Result:
    strata = inputs.get("strata", [inputs])
    names = ("n1", "y1", "n2", "called", "answered", "y2")
    n1, y1, *silent = ([one[name] for one in strata] for name in names)
    found = double_sampling.double_sampling(
        n1, y1, double_sampling.SilentStrata(*silent), options["confidence"]
    )
    silent, everybody = _fields(found.silent), _fields(found.all)
    return {"silent": silent, "all": everybody, "rule": found.rule, "status": "ok"}


def _k_period(inputs: dict, options: dict) -> Result:
    line = _line(sorted(inputs["cells"], key=_name))
    merged = poststratify.collapse_lines(*line, options["min_same"], options["min_any"])
    cells = merged.y[0], merged.n[0], merged.N[0]
    result = _guarded(headline.headline_lines(*line, options["confidence"]))
    y, n, N = (int(column.sum()) for column in cells)
    result.update(N=N, n=n, y=y, raw=nonresponse(*cells).raw_index)
    result.update(se=design.stratified_se(*cells), strata=int((cells[2] > 0).sum()) if n else None)
    return result


_FAMILIES = {
    "a_simple": _a_simple,
    "a_finite": _a_finite,
    "b_design": _b_design,
    "b_degenerate": _b_degenerate,
    "b_guarded": _b_guarded,
    "b_collapse": _b_collapse,
    "b_nonresponse": _b_nonresponse,
    "c_two_sample": _c_two_sample,
    "c_two_design": _c_two_design,
    "c_multiplicity": _c_multiplicity,
    "d_verdict": _d_verdict,
    "d_plan": _d_plan,
    "d_floor": _d_floor,
    "e_rank": _e_rank,
    "e_shrinkage": _e_shrinkage,
    "f_pchart": _f_pchart,
    "f_cusum_path": _f_cusum_path,
    "f_ewma_path": _f_ewma_path,
    "f_arl": _f_arl,
    "g_lmg": _g_lmg,
    "g_ordinal": _g_ordinal,
    "h_audit": _h_audit,
    "i_forecast": _i_forecast,
    "j_double_sampling": _j_double_sampling,
    "k_period": _k_period,
}


def compute(case: dict) -> Result:
    """Return the library's results under the names of the case's `expected`; never raises."""
    try:
        return _FAMILIES[case["family"]](case["inputs"], case["options"])
    except AnalysisError as refusal:
        return {"status": "error", "error_kind": refusal.kind}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return {"status": "error", "error_kind": f"malformed_case: {error!r}"}
