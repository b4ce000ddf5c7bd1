# The simulated set: one response of every family over the same 300 rows, a fixed seed, rounded, written beside the numbers.

# Rows: 30 plots of 10 visits, 8 teams crossed with them; x varies in the rows, `wet` in the plots.
simulate_plots <- function() {
  set.seed(20240611)
  n <- 300
  rows <- data.frame(plot = sprintf("p%02d", rep(1:30, each = 10)), team = sample(LETTERS[1:8], n, TRUE))
  i <- as.integer(factor(rows$plot)); j <- as.integer(factor(rows$team))
  rows$x <- round(rnorm(n), 3)
  rows$wet <- rep(rep(0:1, 15), each = 10)
  rows$effort <- round(exp(runif(n, -1, 1)), 3)
  rows$times <- sample(1:3, n, TRUE)
  rows$trials <- sample(5:20, n, TRUE)
  u <- rnorm(30); v <- rnorm(30); w <- rnorm(8)
  line <- 0.5 * rows$x - 0.4 * rows$wet
  eta <- 0.8 + line + 0.5 * u[i]
  rows$events <- rpois(n, rows$effort * exp(eta + 0.3 * v[i] * rows$x))
  rows$roots <- rpois(n, (2 + 0.3 * rows$x - 0.3 * rows$wet + 0.4 * u[i])^2)
  rows$sums <- rpois(n, 12 + 1.5 * pmin(pmax(rows$x, -2), 2) - 2 * rows$wet + 1.2 * u[i])
  rows$alike <- rpois(n, exp(0.7 + line))
  rows$clumps <- rnbinom(n, size = 1.5, mu = exp(eta + 0.3 * v[i] * rows$x))
  rows$bursts <- rnbinom(n, size = exp(eta + 0.5 * w[j]) / 1.2, mu = exp(eta + 0.5 * w[j]))
  rows$gaps <- rpois(n, exp(eta + 0.6)) * rbinom(n, 1, plogis(1 - 0.6 * rows$x))
  rows$holes <- rnbinom(n, size = 4, mu = exp(eta + 1.2)) * rbinom(n, 1, 0.7)
  rows$mass <- round(rgamma(n, 6, scale = exp(1 + line + 0.4 * u[i]) / 6), 4)
  rows$load <- round(rgamma(n, 6, scale = exp(1 + line + 0.4 * u[i] + 0.3 * v[i] * rows$x) / 6), 4)
  rows$rate <- round(rgamma(n, 8, scale = 1 / (0.8 + 0.1 * rows$x + 0.15 * rows$wet + 0.06 * u[i]) / 8), 4)
  rows$delay <- round(statmod::rinvgauss(n, exp(0.4 + line + 0.4 * u[i] + 0.3 * w[j]), dispersion = 0.2), 4)
  share <- plogis(0.3 + line + 0.5 * u[i])
  rows$cover <- round(pmin(pmax(rbeta(n, share * 9, (1 - share) * 9), 1e-4), 1 - 1e-4), 4)
  tilted <- plogis(0.3 + line + 0.4 * u[i] + 0.4 * v[i] * rows$x)
  rows$shade <- round(pmin(pmax(rbeta(n, tilted * 12, (1 - tilted) * 12), 1e-4), 1 - 1e-4), 4)
  rows$hatched <- rbinom(n, rows$trials, rbeta(n, share * 6, (1 - share) * 6))
  rows$height <- round(10 + 2 * line + u[i] + 0.8 * rt(n, 4), 4)
  rows$lean <- round(10 + 2 * line + u[i] + 0.6 * v[i] * rows$x + 0.8 * rt(n, 5), 4)
  rows$yield <- round(exp(1.5 + 0.2 * line + 0.2 * u[i]) + rnorm(n, 0, 0.5), 4)
  latent <- line + 0.8 * u[i] + 0.5 * w[j] + rlogis(n)
  rows$grade <- c("a_poor", "b_fair", "c_good", "d_best")[1 + findInterval(latent, c(-1, 0.3, 1.8))]
  rows$seen <- as.integer(0.2 + line + 0.7 * u[i] + 0.5 * v[i] * rows$x + rnorm(n) > 0)
  rows
}
