# Log densities of the families at a linear predictor, written with R's own density functions.

LINKS <- list(
  identity = function(eta) eta, log = exp, logit = plogis, probit = pnorm, cloglog = function(eta) -expm1(-exp(eta)),
  inverse = function(eta) 1 / eta, sqrt = function(eta) eta^2
)
DEFAULT_LINK <- c(binomial = "logit", bernoulli = "logit", poisson = "log", negative_binomial = "log",
                  negative_binomial_linear = "log", gamma = "log", inverse_gaussian = "log", beta = "logit",
                  beta_binomial = "logit", student = "identity", ordinal = "logit", gaussian = "identity")
NUMBERS <- list(negative_binomial = "theta", negative_binomial_linear = "phi", gamma = "phi", inverse_gaussian = "phi",
                beta = "phi", beta_binomial = "phi", student = c("sigma", "nu"), gaussian = "sigma")

link_of <- function(spec) if (spec$link == "") DEFAULT_LINK[[spec$family]] else spec$link

# Log density of each y at eta; `a` holds the family's numbers on their own scale, or the thresholds.
log_density <- function(family, link, y, eta, a, trials) {
  if (family == "ordinal") {  # differences in the tail that loses fewer digits
    cdf <- if (link == "logit") plogis else pnorm
    ends <- c(-Inf, a, Inf)
    low <- ends[y] - eta; high <- ends[y + 1] - eta
    return(log(ifelse(low > 0, cdf(low, lower.tail = FALSE) - cdf(high, lower.tail = FALSE), cdf(high) - cdf(low))))
  }
  mu <- LINKS[[link]](eta)
  switch(family,
    bernoulli = , binomial = if (link == "cloglog") {
      lchoose(trials, y) + ifelse(y > 0, y * log(-expm1(-exp(eta))), 0) - (trials - y) * exp(eta)
    } else {
      tail <- if (link == "logit") plogis else pnorm
      lchoose(trials, y) + y * tail(eta, log.p = TRUE) + (trials - y) * tail(-eta, log.p = TRUE)
    },
    poisson = dpois(y, mu, log = TRUE),
    negative_binomial = dnbinom(y, size = a[1], mu = mu, log = TRUE),
    negative_binomial_linear = dnbinom(y, size = mu / a[1], mu = mu, log = TRUE),
    gamma = dgamma(y, shape = 1 / a[1], scale = mu * a[1], log = TRUE),
    inverse_gaussian = -0.5 * log(2 * pi * a[1] * y^3) - (y - mu)^2 / (2 * a[1] * mu^2 * y),
    beta = dbeta(y, mu * a[1], (1 - mu) * a[1], log = TRUE),
    beta_binomial = lchoose(trials, y) + lbeta(y + mu * a[1], trials - y + (1 - mu) * a[1]) -
      lbeta(mu * a[1], (1 - mu) * a[1]),
    student = dt((y - mu) / a[1], a[2], log = TRUE) - log(a[1]),
    gaussian = dnorm(y, mu, a[1], log = TRUE))
}

# The same where a share plogis(z) of the rows are zeros of their own.
inflated <- function(log_f, y, z) ifelse(y == 0, log(plogis(z) + plogis(-z) * exp(log_f)), plogis(-z, log.p = TRUE) + log_f)
