# Golden numbers of serial structures, by glmmTMB and nlme; writes serial.json beside this file.
#
# Usage, from the root of the repository:   Rscript tests/golden/serial/make.R
#
# glmmTMB: ar1 on factor levels one step apart, ou on real times. nlme: gls with corExp and a nugget (the same marginal
# covariance, correlation exp(-1/range)), corCompSymm, and lme with pdIdent of a walk's cumulative columns.
suppressPackageStartupMessages({library(glmmTMB); library(nlme); library(jsonlite)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
bundled <- file.path(here, "..", "..", "..", "src", "multilevel", "data", "bundled")
RNGversion("4.2.0")

series <- function(seed, m, k, rho, sigma, gaps, times = seq_len(k)) {
  set.seed(seed)
  R <- rho^abs(outer(times, times, "-"))
  rows <- expand.grid(time = times, g = sprintf("g%03d", seq_len(m)))[, 2:1]
  rows$x <- round(rnorm(nrow(rows)), 3)
  b <- as.vector(t(chol(R)) %*% matrix(rnorm(m * k), k))
  rows$y <- round(1 + 0.5 * rows$x + b + rnorm(nrow(rows), 0, sigma), 4)
  rows <- rows[runif(nrow(rows)) >= gaps, ]
  rows$g <- as.character(rows$g)
  rows
}
sets <- list(
  gaps = series(20250101, 30, 10, 0.75, 0.7, 0.25),
  negative = series(20250112, 90, 8, -0.6, 0.7, 0.1),
  two = series(20250103, 2, 50, 0.8, 0.5, 0.1),
  real = series(20250104, 25, 8, 0.7, 0.6, 0.2, times = c(0, 0.4, 1, 1.3, 2.1, 2.9, 4.2, 5))
)
for (name in names(sets)) write.csv(sets[[name]], file.path(here, paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
read <- function(name) read.csv(gzfile(file.path(bundled, paste0(name, ".csv"))))

tmb <- function(name, rows, formula, ours, time, group, reml, ou = FALSE) {
  levels <- seq(min(rows[[time]]), max(rows[[time]]), by = min(diff(sort(unique(rows[[time]])))))
  rows$times <- if (ou) numFactor(rows[[time]]) else factor(rows[[time]], levels = levels)
  rows$group <- factor(rows[[group]])
  fit <- glmmTMB(formula, data = rows, REML = reml,
                 control = glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 2000, rel.tol = 1e-14, x.tol = 1e-12)))
  theta <- tail(unname(fit$fit$par[names(fit$fit$par) == "theta"]), 2)  # log sd, and the correlation's own scale
  step <- min(diff(sort(unique(rows[[time]]))))
  rho <- if (ou) exp(-exp(theta[2]) * step) else theta[2] / sqrt(1 + theta[2]^2)
  list(peer = "glmmTMB", data = name, formula = ours, method = if (reml) "reml" else "ml",
       criterion = -2 * as.numeric(logLik(fit)), sd = exp(theta[1]), rho = rho, sigma = sigma(fit),
       fixed = unname(fixef(fit)$cond), std_error = unname(sqrt(diag(vcov(fit)$cond))))
}
exponential <- function(name, rows, formula, ours, time, group, method) {
  form <- as.formula(paste("~", time, "|", group))
  fit <- gls(formula, rows, method = method, correlation = corExp(c(1, 0.3), form = form, nugget = TRUE),
             control = glsControl(tolerance = 1e-10, msTol = 1e-12, msMaxIter = 500, maxIter = 500))
  par <- coef(fit$modelStruct$corStruct, unconstrained = FALSE)
  step <- min(diff(sort(unique(rows[[time]]))))
  list(peer = "nlme", data = name, formula = ours, method = tolower(method), criterion = -2 * as.numeric(logLik(fit)),
       sd = fit$sigma * sqrt(1 - unname(par[2])), rho = exp(-step / unname(par[1])), sigma = fit$sigma * sqrt(unname(par[2])),
       fixed = unname(coef(fit)), std_error = unname(sqrt(diag(vcov(fit)))))
}
walk <- function(name, rows, formula, ours, time, group, method) {
  rows$group <- factor(rows[[group]])
  at <- sort(unique(rows[[time]]))
  step <- min(diff(at))
  L <- outer(rows[[time]], at, ">=") %*% diag(sqrt(c(step, diff(at))))
  rows$L <- L
  fit <- lme(formula, rows, method = method, random = list(group = pdIdent(~ L - 1)),
             control = lmeControl(allow.n.lt.q = TRUE, tolerance = 1e-10, msTol = 1e-12, msMaxIter = 500, maxIter = 500))
  sd <- sqrt(as.matrix(fit$modelStruct$reStruct$group)[1, 1]) * fit$sigma
  list(peer = "nlme", data = name, formula = ours, method = tolower(method), criterion = -2 * as.numeric(logLik(fit)),
       sd = sd, sigma = fit$sigma, fixed = unname(fixef(fit)), std_error = unname(sqrt(diag(vcov(fit)))))
}

ovary <- read("ovary")
ovary$order <- ave(ovary$time, ovary$mare, FUN = seq_along)
ovary$s <- sin(2 * pi * ovary$time)
ovary$c <- cos(2 * pi * ovary$time)
with_intercepts <- function(method) {
  fit <- lme(follicles ~ s + c, ovary, random = ~ 1 | mare, method = method,
             correlation = corExp(c(1, 0.3), form = ~ order | mare, nugget = TRUE),
             control = lmeControl(tolerance = 1e-10, msTol = 1e-12, msMaxIter = 500, maxIter = 500))
  par <- coef(fit$modelStruct$corStruct, unconstrained = FALSE)
  list(peer = "nlme", data = "ovary", formula = "follicles ~ s + c + (1 | mare) + ar1(0 + order | mare)",
       method = tolower(method), criterion = -2 * as.numeric(logLik(fit)), sd = fit$sigma * sqrt(1 - unname(par[2])),
       rho = exp(-1 / unname(par[1])), sigma = fit$sigma * sqrt(unname(par[2])), fixed = unname(fixef(fit)),
       std_error = unname(sqrt(diag(vcov(fit)))))
}

ar1 <- y ~ x + ar1(0 + times | group)
ours <- "y ~ x + %s(0 + time | g)"
orthodont <- read("orthodont")
found <- list()
for (name in c("gaps", "negative")) for (reml in c(TRUE, FALSE))
  found <- c(found, list(tmb(name, sets[[name]], ar1, sprintf(ours, "ar1"), "time", "g", reml)))
found <- c(found, list(tmb("real", sets$real, y ~ x + ou(0 + times | group), sprintf(ours, "ar1"), "time", "g", FALSE, ou = TRUE)))
for (reml in c(TRUE, FALSE))
  found <- c(found, list(tmb("orthodont", orthodont, distance ~ age + (1 | group) + ar1(0 + times | group),
                             "distance ~ age + (1 | subject) + ar1(0 + age | subject)", "age", "subject", reml)))
for (method in c("REML", "ML")) {
  found <- c(found, list(with_intercepts(method)))
  for (name in c("gaps", "two", "real"))
    found <- c(found, list(exponential(name, sets[[name]], y ~ x, sprintf(ours, "ar1"), "time", "g", method)))
  for (name in c("gaps", "two", "real"))
    found <- c(found, list(walk(name, sets[[name]], y ~ x, sprintf(ours, "rw1"), "time", "g", method)))
}
write_json(list(versions = list(glmmTMB = as.character(packageVersion("glmmTMB")), nlme = as.character(packageVersion("nlme"))),
                models = found), file.path(here, "serial.json"), auto_unbox = TRUE, digits = NA, pretty = TRUE)
