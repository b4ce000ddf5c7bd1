# What is fitted: families, links and models. `formula` is the library's spelling, `r` R's where it differs.

TEXT <- list(
  cbpp = c("herd", "period"), contraception = c("woman", "district", "use", "livch", "urban"),
  grouseticks = c("index", "brood", "year", "location"), sleepstudy = "subject",
  verbagg = c("gender", "item", "resp", "id", "btype", "situ", "mode", "r2"), plots = c("plot", "team", "grade")
)

# `source` is who fits; `opinion`: glmer says what it finds, too; `exact`: the likelihood is also integrated at the peer's
# estimates, and, if `maximised`, at its own maximum.
entry <- function(set, label, family, formula, r = formula, link = "", source = "glmmTMB", opinion = FALSE,
                  exact = FALSE, maximised = TRUE, ...) {
  list(set = set, label = label, family = family, link = link, formula = formula, r = r, source = source,
       opinion = opinion, exact = exact, maximised = maximised, ...)
}

CASES <- "prop(incidence, size) ~ period + (1 | herd)"
CASES_R <- "cbind(incidence, size - incidence) ~ period + (1 | herd)"
HATCHED_R <- "cbind(hatched, trials - hatched) ~ x + wet + (1 | plot)"
USE <- "use ~ age + I(age ** 2) + urban + livch + "
USE_R <- "use ~ age + I(age^2) + urban + livch + "
SQUARE <- list("I(age^2)" = "I(age ** 2)")
TICKS <- "ticks ~ year + cheight + "

MODELS <- list(
  entry("cbpp", "logit", "binomial", CASES, CASES_R, opinion = TRUE, exact = TRUE),
  entry("cbpp", "probit", "binomial", CASES, CASES_R, "probit", exact = TRUE),
  entry("cbpp", "cloglog", "binomial", CASES, CASES_R, "cloglog", exact = TRUE),
  entry("cbpp", "rows", "binomial", "prop(incidence, size) ~ period + (1 | herd) + (1 | row)",
        "cbind(incidence, size - incidence) ~ period + (1 | herd) + (1 | row)", opinion = TRUE,
        columns = list(row = sprintf("r%02d", 1:56))),
  entry("cbpp", "beta_binomial", "beta_binomial", CASES, CASES_R),
  entry("contraception", "intercepts", "bernoulli", paste0(USE, "(1 | district)"), paste0(USE_R, "(1 | district)"),
        opinion = TRUE, exact = TRUE, names = SQUARE),
  entry("contraception", "slopes", "bernoulli", paste0(USE, "(urban | district)"), paste0(USE_R, "(urban | district)"),
        opinion = TRUE, exact = TRUE, maximised = FALSE, names = SQUARE),
  entry("contraception", "uncorrelated", "bernoulli", paste0(USE, "diag(urban | district)"),
        paste0(USE_R, "diag(urban | district)"), names = SQUARE),
  entry("contraception", "probit", "bernoulli", "use ~ age + urban + (1 | district)", link = "probit", exact = TRUE,
        maximised = FALSE),
  entry("contraception", "cloglog", "bernoulli", "use ~ age + urban + (1 | district)", link = "cloglog"),
  entry("contraception", "weighted", "bernoulli", "use ~ age + urban + (1 | district)", frequency_weights = "w",
        columns = list(w = 1 + (0:1933 %% 3))),
  entry("contraception", "merged", "bernoulli", "use ~ urban + livch + (1 | district)", opinion = TRUE),
  entry("contraception", "age_by_district", "bernoulli", "use ~ age + urban + (age | district)", source = "glmer"),
  entry("verbagg", "crossed", "bernoulli", "r2 ~ anger + gender + btype + situ + (1 | id) + (1 | item)",
        opinion = TRUE),
  entry("verbagg", "crossed_slopes", "bernoulli", "r2 ~ anger + gender + btype + situ + (situ | id) + (1 | item)"),
  entry("verbagg", "graded", "ordinal", "resp ~ anger + gender + btype + situ + (1 | id) + (1 | item)",
        source = "clmm"),
  entry("verbagg", "graded_probit", "ordinal", "resp ~ anger + gender + btype + situ + (1 | id)", link = "probit",
        source = "clmm"),
  entry("grouseticks", "three_factors", "poisson", paste0(TICKS, "(1 | brood) + (1 | index) + (1 | location)"),
        opinion = TRUE),
  entry("grouseticks", "nested", "poisson", paste0(TICKS, "(1 | location/brood)"),
        paste0(TICKS, "(1 | location) + (1 | location:brood)"), opinion = TRUE),
  entry("grouseticks", "nb2", "negative_binomial", paste0(TICKS, "(1 | brood) + (1 | location)")),
  entry("grouseticks", "nb1", "negative_binomial_linear", paste0(TICKS, "(1 | brood) + (1 | location)")),
  entry("grouseticks", "missing", "poisson", paste0(TICKS, "(1 | brood)"), exact = TRUE,
        missing = list(ticks = c(0, 5, 11:19, 402), cheight = c(7, 100))),
  entry("plots", "exposure", "poisson", "events ~ x + wet + offset(log(effort)) + (1 | plot)", opinion = TRUE,
        exact = TRUE),
  entry("plots", "exposure_slopes", "poisson", "events ~ x + wet + offset(log(effort)) + (x | plot)", opinion = TRUE),
  entry("plots", "sqrt", "poisson", "roots ~ x + wet + (1 | plot)", link = "sqrt", exact = TRUE),
  entry("plots", "identity", "poisson", "sums ~ x + wet + (1 | plot)", link = "identity", exact = TRUE),
  entry("plots", "boundary", "poisson", "alike ~ x + wet + (1 | plot)", source = "glmer"),
  entry("plots", "nb2", "negative_binomial", "clumps ~ x + wet + (1 | plot)", exact = TRUE),
  entry("plots", "nb2_slopes", "negative_binomial", "clumps ~ x + wet + (x | plot)"),
  entry("plots", "nb1", "negative_binomial_linear", "bursts ~ x + wet + (1 | plot)", exact = TRUE),
  entry("plots", "nb1_crossed", "negative_binomial_linear", "bursts ~ x + wet + (1 | plot) + (1 | team)"),
  entry("plots", "zip", "poisson", "gaps ~ x + wet + (1 | plot)", zero_inflation = "~ 1", exact = TRUE),
  entry("plots", "zip_x", "poisson", "gaps ~ x + wet + (1 | plot)", zero_inflation = "~ x", exact = TRUE),
  entry("plots", "zinb2", "negative_binomial", "holes ~ x + wet + (1 | plot)", zero_inflation = "~ 1", exact = TRUE),
  entry("plots", "zinb1", "negative_binomial_linear", "holes ~ x + wet + (1 | plot)", zero_inflation = "~ 1"),
  entry("plots", "gamma", "gamma", "mass ~ x + wet + (1 | plot)", exact = TRUE),
  entry("plots", "gamma_slopes", "gamma", "load ~ x + wet + (x || plot)", "load ~ x + wet + diag(x | plot)"),
  entry("plots", "gamma_inverse", "gamma", "rate ~ x + wet + (1 | plot)", link = "inverse", exact = TRUE),
  entry("plots", "inverse_gaussian", "inverse_gaussian", "delay ~ x + wet + (1 | plot)", source = "dense",
        exact = TRUE),
  entry("plots", "inverse_gaussian_crossed", "inverse_gaussian", "delay ~ x + wet + (1 | plot) + (1 | team)",
        source = "dense"),
  entry("plots", "beta", "beta", "cover ~ x + wet + (1 | plot)", exact = TRUE),
  entry("plots", "beta_probit", "beta", "cover ~ x + wet + (1 | plot)", link = "probit"),
  entry("plots", "beta_slopes", "beta", "shade ~ x + wet + (x | plot)"),
  entry("plots", "beta_binomial", "beta_binomial", "prop(hatched, trials) ~ x + wet + (1 | plot)", HATCHED_R,
        exact = TRUE),
  entry("plots", "student", "student", "height ~ x + wet + (1 | plot)", exact = TRUE),
  entry("plots", "student_slopes", "student", "lean ~ x + wet + (x | plot)"),
  entry("sleepstudy", "student", "student", "reaction ~ days + (days | subject)"),
  entry("plots", "gaussian_log", "gaussian", "yield ~ x + wet + (1 | plot)", link = "log", exact = TRUE),
  entry("plots", "ordinal", "ordinal", "grade ~ x + wet + (1 | plot)", source = "clmm", exact = TRUE),
  entry("plots", "ordinal_crossed", "ordinal", "grade ~ x + wet + (1 | plot) + (1 | team)", source = "clmm"),
  entry("plots", "ordinal_probit", "ordinal", "grade ~ x + wet + (1 | plot)", link = "probit", source = "clmm",
        exact = TRUE),
  entry("cbpp", "cells", "binomial", "prop(incidence, size) ~ 0 + period + (1 | herd)",
        "cbind(incidence, size - incidence) ~ 0 + period + (1 | herd)", full = "period", opinion = TRUE),
  entry("contraception", "singular", "bernoulli", "use ~ age + urban + livch + (livch | district)", source = "glmer"),
  entry("plots", "boundary_crossed", "poisson", "alike ~ x + wet + (1 | plot) + (1 | team)", source = "glmer"),
  entry("plots", "nb2_exposure", "negative_binomial", "clumps ~ x + wet + offset(log(effort)) + (1 | plot)"),
  entry("plots", "gamma_weighted", "gamma", "mass ~ x + wet + (1 | plot)", frequency_weights = "times"),
  entry("plots", "beta_binomial_probit", "beta_binomial", "prop(hatched, trials) ~ x + wet + (1 | plot)", HATCHED_R,
        link = "probit"),
  entry("plots", "gaussian_inverse", "gaussian", "yield ~ x + wet + (1 | plot)", link = "inverse"),
  entry("plots", "ordinal_slopes", "ordinal", "grade ~ x + wet + (x | plot)", source = "clmm"),
  entry("plots", "zip_slopes", "poisson", "gaps ~ x + wet + (x | plot)", zero_inflation = "~ x + wet"),
  entry("plots", "probit_slopes", "bernoulli", "seen ~ x + wet + (x | plot)", link = "probit", exact = TRUE)
)
