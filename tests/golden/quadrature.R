# Adaptive quadrature of lme4 and ordinal, printed for tests/engines/test_integrated.py:
#   Rscript tests/golden/quadrature.R
# -2 log-likelihood with every constant (lme4 leaves that of the saturated model out when nAGQ > 1), coefficients or
# thresholds and coefficients, standard errors, sd of the group effects.
suppressMessages({ library(lme4); library(ordinal) })
tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e5, rhoend = 1e-9), tolPwrss = 1e-12)
show <- function(name, value, estimates, errors, sd) cat(
  sprintf("%s %.6f\n  %s\n  %s\n  %.6f\n", name, value, toString(sprintf("%.6f", estimates)),
          toString(sprintf("%.6f", errors)), sd))
agq <- function(name, formula, data, family, nodes, saturated = 0) {
  f <- suppressWarnings(glmer(formula, data, family, nAGQ = nodes, control = tight))
  show(name, saturated - 2 * as.numeric(logLik(f)), fixef(f), sqrt(diag(as.matrix(vcov(f, use.hessian = TRUE)))),
       getME(f, "theta"))
}
# Conditional logistic regression says 0.8109 (0.4249) for the group: lme4 issue 47.
a <- rep(0:1, each = 50); b <- c(rep(0, 42), rep(1, 8), rep(0, 18), rep(1, 32))
pairs <- data.frame(event = c(rbind(a, b)), group = rep(c(1, 0), times = 100), id = rep(1:100, each = 2))
agq("pairs", event ~ group + (1 | id), pairs, binomial, 51)
data(cbpp)
agq("cbpp", cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial, 25,
    -2 * with(cbpp, sum(dbinom(incidence, size, incidence / size, log = TRUE))))
data(Contraception, package = "mlmRev")
Contraception$y <- as.integer(Contraception$use == "Y")
agq("contraception", y ~ age + I(age^2) + urban + livch + (1 | district), Contraception, binomial, 25)
data(grouseticks)
agq("grouseticks", TICKS ~ YEAR + cHEIGHT + (1 | BROOD), grouseticks, poisson, 25,
    -2 * with(grouseticks, sum(dpois(TICKS, TICKS, log = TRUE))))
plots <- read.csv("tests/golden/generalised/plots.csv")
plots$grade <- factor(plots$grade, ordered = TRUE)
for (link in c("logit", "probit")) {
  f <- clmm(grade ~ x + wet + (1 | team), plots, link = link, nAGQ = 25, control = clmm.control(gradTol = 1e-8))
  show(paste("grade", link), -2 * as.numeric(logLik(f)), coef(f), sqrt(diag(vcov(f)))[seq_along(coef(f))], f$ST$team)
}
