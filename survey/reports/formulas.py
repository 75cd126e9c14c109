"""The formulas of the index cards in English, by name: what a statistician elsewhere would cite."""

IN_ENGLISH = {
    "post-stratified-guarded": (
        "p = Σ W_h y_h/n_h, W_h = N_h/N over strata sector × channel × lateness (n_h < 10"
        " collapsed within lateness).\nv = Σ W_h² (1 − n_h/N_h) s²_h/n_h, s²_h = max(n_h/(n_h−1)"
        " p_h(1−p_h), p̃_h(1−p̃_h)), p̃_h = (y_h+1)/(n_h+2).\nn_eff = max(p(1−p)/v, min(n_Kish,"
        " q(1−q)/v)), q = Σ W_h p̃_h; limits: Wilson score on n_eff with t(n − H).\nOne stratum:"
        " Wilson with finite population correction. n = N: a point."
    ),
    "post-stratified-anytime": (
        "Confidence sequence for sampling without replacement: keep M while (n+1)·P(y | n, M, N) >"
        " α (uniform prior).\nSeveral strata: on n′ = m·N/(N−1+m), m the guarded effective size,"
        " n′ ≤ n, y′ = p·n′ rounded outwards."
    ),
    "raw-share": "raw = Σ y_h / Σ n_h",
    "mean-score": "mean = Σ k·n_k / Σ n_k, k = 1…5",
    "sipas-style": "pooled = Σ_f Σ y_f / Σ_f Σ n_f over the five factors f",
    "missing-bounds": "response = n/N; low = y/N; high = (y + N − n)/N",
    "verdict": (
        "One-sided guarded bounds at (1 + c)/2, c the province's confidence (0.95): met if L ≥ T,"
        " not met if U < T.\nDecided on integers: secured y ≥ T·N; lost y + N − n < T·N."
    ),
    "rating-floor": (
        "late: late/N ≥ bar on integers.\n"
        "index: below if U ≤ bar, above if L > bar, else uncertain."
    ),
}
