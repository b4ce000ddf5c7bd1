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
  criterion <- function(par) pieces(par)$criterion
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

# Turn a dense fit into the fields of the JSON. `terms` vary fastest in the columns of Z; `sds` are those of the terms.
record_dense <- function(fit, X, method, group, terms, levels, sds, sigma) {
  k <- length(terms)
  by_level <- function(x) matrix(x, length(levels), k, byrow = TRUE)
  parameters <- ncol(X) + length(fit$par)
  list(criterion = fit$criterion, loglik = -fit$criterion / 2, aic = fit$criterion + 2 * parameters,
       bic = fit$criterion + log(nrow(X)) * parameters, parameters = parameters, n_rows = nrow(X), sigma = sigma,
       singular = any(fit$par == 0),
       fixed = data.frame(term = sub("(Intercept)", "Intercept", colnames(X), fixed = TRUE), r = colnames(X),
                          estimate = fit$beta, std_error = fit$std_error),
       sds = data.frame(group = group, term = terms, sd = sds), correlations = list(),
       random = list(record_effects(by_level(fit$modes), by_level(sqrt(pmax(0, diag(fit$covariance)))), group, terms,
                                    levels)))
}

# One grouped term whose effects share one sd; the residual sds are `known`, or estimated where `known` is NULL.
shared_sd <- function(fixed, effects, group, known = NULL) {
  force(known)
  function(rows, method) {
    X <- model.matrix(as.formula(fixed), rows)
    y <- model.response(model.frame(as.formula(fixed), rows))
    slopes <- model.matrix(as.formula(effects), rows)
    k <- ncol(slopes)
    levels <- levels(rows[[group]])
    j <- as.integer(rows[[group]])
    Z <- matrix(0, nrow(rows), k * length(levels))
    for (column in 1:k) Z[cbind(seq_along(j), (j - 1) * k + column)] <- slopes[, column]
    residual <- if (is.null(known)) function(par) rep(par[2]^2, nrow(X)) else
      if (is.character(known)) function(par) rows[[known]]^2 else function(par) rep(known^2, nrow(X))
    start <- rep(sd(y) / 2, if (is.null(known)) 2 else 1)
    fit <- dense_fit(y, X, Z, function(par) diag(par[1]^2, ncol(Z)), residual, start, method)
    sigma <- if (is.null(known)) fit$par[2] else if (is.numeric(known)) known else NULL
    terms <- sub("(Intercept)", "Intercept", colnames(slopes), fixed = TRUE)
    record_dense(fit, X, method, group, terms, levels, rep(fit$par[1], k), sigma)
  }
}
