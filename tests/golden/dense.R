# Models that lme4 cannot write, fitted by textbook dense algebra: V = Z D(par) Z' + diag(r(par)).

# Minimise -2 log (restricted) likelihood over standard deviations `par`, all bounded by zero.
dense_fit <- function(y, X, Z, D, r, start, method) {
  n <- nrow(X); p <- ncol(X)
  pieces <- function(par) {
    V <- Z %*% D(par) %*% t(Z) + diag(r(par), n)
    U <- chol(V)
    solve_V <- function(B) backsolve(U, forwardsolve(t(U), B))
    information <- crossprod(X, solve_V(X))
    beta <- solve(information, crossprod(X, solve_V(y)))
    residual <- y - X %*% beta
    criterion <- n * log(2 * pi) + 2 * sum(log(diag(U))) + sum(residual * solve_V(residual))
    if (method == "reml") criterion <- criterion - p * log(2 * pi) + as.numeric(determinant(information)$modulus)
    list(criterion = as.numeric(criterion), beta = beta, vcov = solve(information), residual = residual, solve_V = solve_V)
  }
  criterion <- function(par) tryCatch(pieces(par)$criterion, error = function(e) Inf)  # a residual sd of zero
  par <- nlminb(start, criterion, lower = 0, control = list(rel.tol = 1e-14, x.tol = 1e-10))$par
  par[par < 1e-4 * max(start)] <- 0
  free <- which(par > 0)
  for (step in seq_len(if (length(free)) 4 else 0)) {
    at <- function(x) { full <- par; full[free] <- x; criterion(full) }
    par[free] <- par[free] - solve(numDeriv::hessian(at, par[free]), numDeriv::grad(at, par[free]))
  }
  at <- pieces(par)
  DZ <- D(par) %*% t(Z)
  list(par = par, criterion = at$criterion, beta = drop(at$beta), std_error = sqrt(diag(at$vcov)),
       modes = drop(DZ %*% at$solve_V(at$residual)), covariance = D(par) - DZ %*% at$solve_V(t(DZ)))
}

# Turn a dense fit into the fields of the JSON. `terms` vary fastest in the columns of Z; `sds` are those of the terms,
# `r` the correlation of every two of them.
record_dense <- function(fit, X, method, group, terms, levels, sds, sigma, r = NULL) {
  k <- length(terms)
  by_level <- function(x) matrix(x, length(levels), k, byrow = TRUE)
  parameters <- ncol(X) + length(fit$par)
  list(criterion = fit$criterion, loglik = -fit$criterion / 2, aic = fit$criterion + 2 * parameters,
       bic = fit$criterion + log(nrow(X)) * parameters, parameters = parameters, n_rows = nrow(X), sigma = sigma,
       singular = any(fit$par == 0),
       fixed = data.frame(term = sub("(Intercept)", "Intercept", colnames(X), fixed = TRUE), r = colnames(X),
                          estimate = fit$beta, std_error = fit$std_error),
       sds = data.frame(group = group, term = terms, sd = sds),
       correlations = if (is.null(r)) list() else
         data.frame(group = group, term_1 = terms[combn(k, 2)[1, ]], term_2 = terms[combn(k, 2)[2, ]], correlation = r),
       random = list(record_effects(by_level(fit$modes), by_level(sqrt(pmax(0, diag(fit$covariance)))), group, terms,
                                    levels)))
}

# The columns of one grouped term: thin `slopes`, and `Z` in which those of each level stand apart.
expand <- function(effects, group, rows) {
  slopes <- model.matrix(as.formula(effects), rows)
  k <- ncol(slopes)
  levels <- levels(rows[[group]])
  j <- as.integer(rows[[group]])
  Z <- matrix(0, nrow(rows), k * length(levels))
  for (column in 1:k) Z[cbind(seq_along(j), (j - 1) * k + column)] <- slopes[, column]
  list(slopes = slopes, k = k, levels = levels, Z = Z)
}

# One grouped term whose effects share one sd and one correlation. The parameters are the root variances of the scaled
# mean of the effects, s sqrt(1 + (k - 1) r), and of their contrasts, s sqrt(1 - r), and the residual sd. `full` names the
# factor whose levels are the effects.
one_correlation <- function(fixed, effects, group, full = "") {
  force(full)
  function(rows, method) {
    X <- model.matrix(as.formula(fixed), rows)
    y <- model.response(model.frame(as.formula(fixed), rows))
    term <- expand(effects, group, rows)
    k <- term$k
    mean <- matrix(1 / k, k, k)
    block <- function(par) par[1]^2 * mean + par[2]^2 * (diag(k) - mean)
    fit <- dense_fit(y, X, term$Z, function(par) kronecker(diag(length(term$levels)), block(par)),
                     function(par) rep(par[3]^2, nrow(X)), rep(sd(y) / 2, 3), method)
    T <- block(fit$par)
    terms <- sub("(Intercept)", "Intercept", colnames(term$slopes), fixed = TRUE)
    if (full != "") terms <- sub(paste0("^", full, "(.*)$"), paste0(full, "[\\1]"), terms)
    record_dense(fit, X, method, group, terms, term$levels, sqrt(diag(T)), fit$par[3], T[1, 2] / T[1, 1])
  }
}

# One grouped term whose effects share one sd; the residual sds are `known`, or estimated where `known` is NULL.
shared_sd <- function(fixed, effects, group, known = NULL) {
  force(known)
  function(rows, method) {
    X <- model.matrix(as.formula(fixed), rows)
    y <- model.response(model.frame(as.formula(fixed), rows))
    term <- expand(effects, group, rows)
    slopes <- term$slopes; k <- term$k; levels <- term$levels; Z <- term$Z
    residual <- if (is.null(known)) function(par) rep(par[2]^2, nrow(X)) else
      if (is.character(known)) function(par) rows[[known]]^2 else function(par) rep(known^2, nrow(X))
    start <- rep(sd(y) / 2, if (is.null(known)) 2 else 1)
    fit <- dense_fit(y, X, Z, function(par) diag(par[1]^2, ncol(Z)), residual, start, method)
    sigma <- if (is.null(known)) fit$par[2] else if (is.numeric(known)) known else NULL
    terms <- sub("(Intercept)", "Intercept", colnames(slopes), fixed = TRUE)
    record_dense(fit, X, method, group, terms, levels, rep(fit$par[1], k), sigma)
  }
}
