# -2 log-likelihood of a model by dense algebra (Laplace) and by brute-force integration, from the densities alone.
#
# The vector `par`: coefficients, those of zero inflation, logs of the family's numbers (ordinal: the first threshold,
# then logs of the steps), and the entries of each term's Cholesky factor, columns of the lower triangle in turn.

# What a model is made of. Each grouped term: level `j` of each row, effects `Z` (n, k), `m` levels.
pieces_of <- function(spec, rows) {
  fixed <- lme4::nobars(as.formula(gsub("diag(", "(", spec$r, fixed = TRUE)))
  if (!is.null(spec$missing)) rows <- rows[stats::complete.cases(rows[all.vars(as.formula(spec$r))]), ]
  frame <- model.frame(fixed, rows)
  X <- model.matrix(fixed, frame)
  y <- model.response(frame)
  trials <- rep(1, nrow(X))
  if (is.matrix(y)) { trials <- rowSums(y); y <- y[, 1] }
  if (is.factor(y)) y <- as.integer(y) - (spec$family == "bernoulli")
  if (spec$family == "ordinal") X <- X[, -1, drop = FALSE]
  bars <- lme4::findbars(as.formula(gsub("diag(", "(", spec$r, fixed = TRUE)))
  terms <- lapply(bars, function(bar) {
    j <- factor(as.character(eval(bar[[3]], within_colon(rows))))
    Z <- model.matrix(as.formula(call("~", bar[[2]])), rows)
    list(j = as.integer(j), Z = unname(Z), names = colnames(Z), group = gsub(" ", "", deparse(bar[[3]])), m = nlevels(j),
         k = ncol(Z), levels = levels(j), diagonal = grepl("diag(", spec$r, fixed = TRUE))
  })
  offset <- model.offset(frame)
  W <- if (is.null(spec$zero_inflation)) matrix(0, nrow(X), 0) else model.matrix(as.formula(spec$zero_inflation), rows)
  weights <- if (is.null(spec$frequency_weights)) rep(1, nrow(X)) else rows[[spec$frequency_weights]]
  list(y = as.numeric(y), trials = trials, X = X, W = W, terms = terms, weights = weights, family = spec$family,
       link = link_of(spec), offset = if (is.null(offset)) rep(0, nrow(X)) else offset,
       n_numbers = if (spec$family == "ordinal") max(y) - 1 else length(NUMBERS[[spec$family]]))
}

# `a:b` of two factors as the text "a:b".
within_colon <- function(rows) {
  both <- function(a, b) paste(a, b, sep = ":")
  list2env(c(as.list(rows), list(`:` = both)), parent = globalenv())
}

# The parts of `par`.
unpack <- function(par, pieces) {
  p <- ncol(pieces$X); q <- ncol(pieces$W); a <- pieces$n_numbers
  numbers <- par[p + q + seq_len(a)]
  values <- if (pieces$family == "ordinal") cumsum(c(numbers[1], exp(numbers[-1]))) else exp(numbers)
  rest <- par[-seq_len(p + q + a)]
  factors <- list()
  for (term in pieces$terms) {
    L <- matrix(0, term$k, term$k)
    inside <- if (term$diagonal) diag(term$k) == 1 else lower.tri(L, diag = TRUE)
    L[inside] <- rest[seq_len(sum(inside))]
    rest <- rest[-seq_len(sum(inside))]
    factors <- c(factors, list(L))
  }
  list(beta = par[seq_len(p)], zi = par[p + seq_len(q)], numbers = values, factors = factors)
}

# Log density of each row at eta, times its frequency.
row_density <- function(pieces, at, eta, i = seq_along(pieces$y)) {
  found <- log_density(pieces$family, pieces$link, pieces$y[i], eta, at$numbers, pieces$trials[i])
  if (ncol(pieces$W)) found <- inflated(found, pieces$y[i], drop(pieces$W[i, , drop = FALSE] %*% at$zi))
  pieces$weights[i] * found
}

# Slope and minus curvature of the log density by eta: differences of the fourth order. Small means have small inverses.
derivatives <- function(pieces, at, eta) {
  h <- if (pieces$link == "inverse") 2e-4 else 2e-3
  f <- lapply(-2:2, function(s) row_density(pieces, at, eta + s * h))
  list(slope = (f[[1]] - 8 * f[[2]] + 8 * f[[4]] - f[[5]]) / (12 * h),
       weight = (f[[1]] - 16 * f[[2]] + 30 * f[[3]] - 16 * f[[4]] + f[[5]]) / (12 * h^2))
}

# Columns of the standardised effects of all terms side by side.
spherical_columns <- function(pieces, at) {
  do.call(cbind, Map(function(term, L) {
    A <- term$Z %*% L
    Z <- matrix(0, nrow(A), term$k * term$m)
    for (c in seq_len(term$k)) Z[cbind(seq_along(term$j), (term$j - 1) * term$k + c)] <- A[, c]
    Z
  }, pieces$terms, at$factors))
}

LAST <- new.env()  # the last mode, where the next search begins

# The mode of the standardised effects, by Newton's method with halved steps.
mode_of <- function(pieces, par) {
  at <- unpack(par, pieces)
  A <- spherical_columns(pieces, at)
  line <- drop(pieces$X %*% at$beta) + pieces$offset
  value <- function(u) { f <- -sum(row_density(pieces, at, line + drop(A %*% u))) + sum(u^2) / 2; if (is.nan(f)) Inf else f }
  u <- if (length(LAST$u) == ncol(A) && is.finite(value(LAST$u))) LAST$u else rep(0, ncol(A))
  f <- value(u)
  if (!is.finite(f)) return(list(value = Inf))
  for (iteration in 1:100) {
    d <- derivatives(pieces, at, line + drop(A %*% u))
    H <- crossprod(A, d$weight * A) + diag(ncol(A))
    g <- drop(crossprod(A, d$slope)) - u
    R <- tryCatch(chol(H), error = function(e) chol(crossprod(A, pmax(d$weight, 0) * A) + diag(ncol(A))))
    step <- backsolve(R, forwardsolve(t(R), g))
    length <- 1
    while (!(value(u + length * step) <= f + 1e-12 * abs(f)) && length > 1e-8) length <- length / 2
    u <- u + length * step
    f <- value(u)
    if (sum(step * g) < 1e-14) break
  }
  LAST$u <- u
  d <- derivatives(pieces, at, line + drop(A %*% u))
  H <- crossprod(A, d$weight * A) + diag(ncol(A))
  list(at = at, u = u, f = f, H = H, line = line, A = A,
       value = 2 * f + as.numeric(determinant(H)$modulus))
}

# -2 log-likelihood by Laplace's method with the observed information.
laplace <- function(par, pieces) mode_of(pieces, par)$value

# -2 log-likelihood of one grouped term by integration: the trapezoidal rule around each group's mode, in units of its
# curvature. For smooth integrands that die out at both ends its error falls faster than any power of the step.
exact <- function(par, pieces, points = if (pieces$terms[[1]]$k == 1) 81 else 41, reach = if (points > 41) 10 else 8) {
  term <- pieces$terms[[1]]
  stopifnot(length(pieces$terms) == 1)
  found <- mode_of(pieces, par)
  if (!is.finite(found$value)) return(Inf)
  z <- as.matrix(expand.grid(rep(list(seq(-reach, reach, length.out = points)), term$k)))
  step <- (2 * reach / (points - 1))^term$k
  rows_of <- split(seq_along(term$j), term$j)
  sums <- sapply(seq_len(term$m), function(g) {
    here <- (g - 1) * term$k + seq_len(term$k)
    back <- t(solve(t(chol(found$H[here, here]))))
    U <- z %*% t(back) + matrix(found$u[here], nrow(z), term$k, byrow = TRUE)
    i <- rows_of[[g]]
    eta <- found$line[i] + found$A[i, here, drop = FALSE] %*% t(U)
    log_f <- colSums(matrix(row_density(pieces, found$at, as.vector(eta), rep(i, nrow(z))), length(i))) -
      rowSums(U^2) / 2 - term$k / 2 * log(2 * pi)
    log_f[is.nan(log_f)] <- -Inf
    top <- max(log_f)
    top + log(sum(exp(log_f - top)) * step * abs(det(back)))
  })
  -2 * sum(sums)
}

# The same for one effect per group by R's adaptive quadrature.
exact_by_integrate <- function(par, pieces) {
  term <- pieces$terms[[1]]
  found <- mode_of(pieces, par)
  -2 * sum(sapply(seq_len(term$m), function(g) {
    i <- which(term$j == g)
    log_f <- function(u) sapply(u, function(one)
      sum(row_density(pieces, found$at, found$line[i] + found$A[i, g] * one, i)) + dnorm(one, log = TRUE))
    top <- log_f(found$u[g]); spread <- 1 / sqrt(found$H[g, g])
    top + log(integrate(function(u) { f <- log_f(u); ifelse(is.nan(f), 0, exp(f - top)) }, found$u[g] - 12 * spread,
                        found$u[g] + 12 * spread, rel.tol = 1e-11, subdivisions = 1000)$value)
  }))
}

# Minimise a criterion of `par`: nlminb, then a Newton step on Richardson derivatives; the Hessian with it.
dense_fit <- function(criterion, par) {
  scale <- pmax(abs(par), 0.1)
  par <- nlminb(par, criterion, scale = 1 / scale, control = list(rel.tol = 1e-12, eval.max = 2000, iter.max = 500))$par
  quick <- list(r = 2)
  H <- numDeriv::hessian(criterion, par, method.args = quick)
  moved <- par - solve(H, numDeriv::grad(criterion, par, method.args = quick))
  if (criterion(moved) <= criterion(par) + 1e-8) par <- moved
  list(par = par, value = criterion(par), vcov = 2 * solve(H))
}
