"""What other programs call the things that a fit has, for whoever asks by those names."""

from __future__ import annotations

OTHER_NAMES = {
    "summary": "print(fit)",
    "to_html": "fit._repr_html_()",
    "params": "fit.fixed_effects",
    "fe_params": "fit.fixed_effects",
    "fixef": "fit.fixed_effects",
    "bse": "fit.fixed_effects",
    "tvalues": "fit.fixed_effects",
    "pvalues": "fit.fixed_effects",
    "conf_int": "fit.fixed_effects",
    "confint": "fit.fixed_effects",
    "coef": "fit.fixed_effects or fit.group_coefficients",
    "cov_params": "fit.vcov",
    "ranef": "fit.random_effects",
    "cov_re": "fit.variance_components and fit.correlations",
    "VarCorr": "fit.variance_components and fit.correlations",
    "vcomp": "fit.variance_components",
    "scale": "fit.sigma ** 2",
    "dispersion": "fit.family_parameters",
    "thresholds": "fit.family_parameters",
    "link": "fit.family",
    "llf": "fit.loglik",
    "log_likelihood": "fit.loglik",
    "logLik": "fit.loglik",
    "nobs": "fit.n_rows",
    "ngrps": "fit.n_groups",
    "df_resid": "the column df of fit.fixed_effects",
    "resid": "fit.residuals",
    "resid_pearson": 'fit.residuals_of("pearson")',
    "resid_deviance": 'fit.residuals_of("deviance")',
    "fittedvalues": "fit.fitted",
    "converged": "fit.certificate.holds and fit.status",
    "isSingular": "fit.status",
    "anova": "multilevel.compare(fit, other)",
}


def absent_attribute(name: str) -> AttributeError:
    """Return the error for an attribute that a fit does not have, with the name that it has here.

    Examples
    --------
    >>> raise absent_attribute("ranef")
    Traceback (most recent call last):
    AttributeError: a fit has no `ranef`
      try: fit.random_effects
    """
    message = f"a fit has no `{name}`"
    if name in OTHER_NAMES:
        message += f"\n  try: {OTHER_NAMES[name]}"
    return AttributeError(message, name=name)
