# The peers: each gives its log-likelihood, the vector `par` of dense.R at its estimates, standard errors and modes.

FAMILIES <- list(
  binomial = binomial, bernoulli = binomial, poisson = poisson, negative_binomial = glmmTMB::nbinom2,
  negative_binomial_linear = glmmTMB::nbinom1, gamma = Gamma, beta = glmmTMB::beta_family,
  beta_binomial = glmmTMB::betabinomial, student = glmmTMB::t_family, gaussian = gaussian
)

# Optimiser for glmmTMB: nlminb, then Newton steps on differences of its exact gradient.
polished <- function(par, fn, gr, control = list(), ...) {
  found <- nlminb(par, fn, gr, control = list(iter.max = 2000, eval.max = 4000, rel.tol = 1e-12))
  par <- found$par
  for (step in 1:4) {
    move <- tryCatch(solve(numDeriv::jacobian(gr, par), as.vector(gr(par))), error = function(e) rep(NaN, length(par)))
    if (any(is.nan(move)) || !(fn(par - move) <= fn(par) + 1e-9)) break
    par <- par - move
  }
  list(par = par, objective = fn(par), convergence = 0, message = "polished", iterations = 0, evaluations = 0)
}

fit_glmmTMB <- function(spec, rows, pieces) {
  arguments <- list(as.formula(spec$r), data = rows, family = FAMILIES[[spec$family]](link = link_of(spec)),
                    control = glmmTMB::glmmTMBControl(optimizer = polished, optCtrl = list()))
  if (!is.null(spec$zero_inflation)) arguments$ziformula <- as.formula(spec$zero_inflation)
  if (!is.null(spec$frequency_weights)) arguments$weights <- rows[[spec$frequency_weights]]
  if (link_of(spec) %in% c("identity", "inverse") && !spec$family %in% c("gaussian", "student"))
    arguments$start <- list(beta = unname(coef(glm(lme4::nobars(as.formula(spec$r)), Gamma(link_of(spec)), rows))))
  fit <- do.call(glmmTMB::glmmTMB, arguments)
  tables <- coef(summary(fit))
  beta <- glmmTMB::fixef(fit)
  par <- fit$fit$par
  dispersion <- exp(par[names(par) == "betad"])
  numbers <- switch(spec$family, gamma = 1 / dispersion, student = c(dispersion, glmmTMB::family_params(fit)),
                    binomial = , bernoulli = , poisson = numeric(0), gaussian = sigma(fit), dispersion)
  covariances <- lapply(glmmTMB::VarCorr(fit)$cond, as.matrix)
  errors <- c(tables$cond[, "Std. Error"], if (!is.null(tables$zi)) tables$zi[, "Std. Error"])
  modes <- glmmTMB::ranef(fit)$cond
  list(loglik = as.numeric(logLik(fit)), beta = beta$cond, zi = beta$zi, numbers = unname(numbers),
       covariances = covariances, errors = errors, parameters = attr(logLik(fit), "df"),
       modes = lapply(modes, as.matrix))
}

TIGHT <- function() lme4::glmerControl(
  optimizer = "nloptwrap", calc.derivs = TRUE, tolPwrss = 1e-12, check.conv.singular = "ignore", check.conv.grad = "ignore",
  check.conv.hess = "ignore",
  optCtrl = list(algorithm = "NLOPT_LN_BOBYQA", xtol_abs = 1e-10, xtol_rel = 0, ftol_abs = 1e-11, ftol_rel = 0, maxeval = 1e5))

fit_glmer <- function(spec, rows, pieces) {
  family <- FAMILIES[[spec$family]](link = link_of(spec))
  fit <- do.call(lme4::glmer, list(as.formula(spec$r), data = rows, family = family, control = TIGHT()))
  again <- update(fit, start = list(theta = lme4::getME(fit, "theta"), fixef = lme4::fixef(fit)))
  if (logLik(again) > logLik(fit)) fit <- again
  modes <- lme4::ranef(fit, condVar = TRUE)
  sds <- lapply(modes, function(part) {
    V <- attr(part, "postVar")
    t(apply(V, 3, function(v) sqrt(diag(as.matrix(v)))))
  })
  list(loglik = as.numeric(logLik(fit)), beta = lme4::fixef(fit), zi = NULL, numbers = numeric(0),
       covariances = lapply(lme4::VarCorr(fit), as.matrix), parameters = attr(logLik(fit), "df"),
       errors = tryCatch(sqrt(diag(as.matrix(vcov(fit, use.hessian = TRUE)))), warning = function(w) NULL),
       modes = lapply(modes, as.matrix), singular = lme4::isSingular(fit))
}

fit_clmm <- function(spec, rows, pieces) {
  # At its own inner tolerance, 1e-4, clmm misses the log-likelihood of plots-ordinal by 5e-4.
  fit <- do.call(ordinal::clmm, list(as.formula(spec$r), data = rows, link = link_of(spec), Hess = TRUE,
                                     control = ordinal::clmm.control(gradTol = 1e-7, maxIter = 200, maxLineIter = 100)))
  list(loglik = as.numeric(logLik(fit)), beta = fit$beta, zi = NULL, numbers = unname(fit$alpha),
       covariances = lapply(ordinal::VarCorr(fit), function(V) matrix(V, nrow(V))), parameters = attr(logLik(fit), "df"),
       errors = sqrt(diag(vcov(fit)))[names(fit$beta)], threshold_errors = sqrt(diag(vcov(fit)))[names(fit$alpha)],
       modes = lapply(ordinal::ranef(fit), as.matrix))
}

# The library has no peer for the family: our own dense algebra, from a moment start.
fit_dense <- function(spec, rows, pieces) {
  start <- c(coef(glm.fit(pieces$X, pieces$y, family = gaussian("log"), start = c(log(mean(pieces$y)), 0, 0))),
             log(0.3), rep(0.3, length(pieces$terms)))
  fit <- dense_fit(function(par) laplace(par, pieces), start)
  at <- unpack(fit$par, pieces)
  u <- mode_of(pieces, fit$par)
  sizes <- sapply(pieces$terms, function(term) term$m)
  modes <- Map(function(term, L, u) matrix(u * L[1, 1], ncol = 1, dimnames = list(term$levels, "(Intercept)")),
               pieces$terms, at$factors, split(u$u, rep(seq_along(sizes), sizes)))
  list(loglik = -fit$value / 2, beta = setNames(at$beta, colnames(pieces$X)), zi = NULL, numbers = at$numbers,
       covariances = setNames(lapply(at$factors, tcrossprod), sapply(pieces$terms, `[[`, "group")),
       errors = sqrt(diag(fit$vcov))[seq_along(at$beta)], parameters = length(fit$par),
       modes = setNames(modes, sapply(pieces$terms, `[[`, "group")))
}

PEERS <- list(glmmTMB = fit_glmmTMB, glmer = fit_glmer, clmm = fit_clmm, dense = fit_dense)

# The vector of dense.R at a peer's estimates; the covariances are matched to the terms by group.
par_of <- function(found, pieces) {
  numbers <- found$numbers
  logs <- if (pieces$family == "ordinal") c(numbers[1], log(diff(numbers))) else log(numbers)
  theta <- unlist(lapply(pieces$terms, function(term) {
    V <- found$covariances[[term$group]]
    L <- tryCatch(t(chol(V)), error = function(e) t(chol(V + 1e-10 * max(diag(V)) * diag(nrow(V)))))
    if (term$diagonal) diag(L) else L[lower.tri(L, diag = TRUE)]
  }))
  unname(c(found$beta, found$zi, logs, theta))
}
