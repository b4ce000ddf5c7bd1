# One R package on one problem: package, folder, formula, family, chains, draws, warm-up, cores; prints a line of JSON.
words <- commandArgs(trailingOnly = TRUE)
package <- words[1]
folder <- words[2]
formula <- as.formula(words[3])
family <- words[4]
numbers <- as.integer(words[5:8])
iterations <- numbers[2] + numbers[3]
suppressPackageStartupMessages(library(package, character.only = TRUE))
data <- read.csv(file.path(folder, "data.csv"))
for (name in intersect(c("subject", "index", "brood", "location"), names(data))) data[[name]] <- factor(data[[name]])

clock <- function() proc.time()[["elapsed"]]
start <- clock()
if (package == "rstanarm") {
  compiled <- start
  fit <- (if (family == "gaussian") stan_lmer else function(...) stan_glmer(..., family = family))(formula, data,
    chains = numbers[1], iter = iterations, warmup = numbers[3], cores = numbers[4], seed = 1, refresh = 0
  )
  whole <- clock() - start
  draws <- as.array(fit)
  kept <- grep("^b\\[", dimnames(draws)[[3]], invert = TRUE)
} else {
  # Debian keeps the headers of Boost outside the R package that rstan asks for them.
  where <- if (nzchar(system.file("include", package = "BH"))) list() else list(boost_lib = "/usr/include")
  empty <- brm(formula, data, family = family, chains = 0, silent = 2, refresh = 0, stan_model_args = where)
  compiled <- clock()
  fit <- update(empty,
    recompile = FALSE, chains = numbers[1], iter = iterations, warmup = numbers[3], cores = numbers[4],
    seed = 1, refresh = 0
  )
  whole <- clock() - start
  draws <- as.array(fit)
  kept <- grep("^(b_|sd_|cor_|sigma)", dimnames(draws)[[3]])
}
# (draw, chain, parameter): R writes the draws of a chain first, then chains, then parameters.
draws <- draws[, , kept]
if (package == "rstanarm" && family == "gaussian") {
  # Sigma[...] are variances and a covariance: turned into sds and the correlation.
  at <- grep("^Sigma", dimnames(draws)[[3]])
  one <- sqrt(draws[, , at[1]])
  two <- sqrt(draws[, , at[3]])
  draws[, , at[2]] <- draws[, , at[2]] / (one * two)
  draws[, , at[1]] <- one
  draws[, , at[3]] <- two
}
names <- dimnames(draws)[[3]]
writeBin(as.vector(draws), file.path(folder, "draws.bin"))
cat(sprintf(
  '{"version": "%s + rstan %s", "whole": %.3f, "compiling": %.3f, "names": [%s]}\n',
  packageVersion(package), packageVersion("rstan"), whole, compiled - start,
  paste(sprintf('"%s"', gsub('["\\\\]', "", names)), collapse = ", ")
))
