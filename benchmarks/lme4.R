# Times lme4 on the columns that against_lme4.py wrote; prints one line of JSON.
suppressPackageStartupMessages(library(lme4))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]; n <- as.numeric(arguments[2]); formula <- as.formula(arguments[3]); whole <- arguments[4] == "whole"
budget <- as.numeric(arguments[5]); most <- as.numeric(arguments[6])

read_column <- function(line) {
  part <- strsplit(line, " ", fixed = TRUE)[[1]]
  path <- file.path(folder, paste0(part[1], ".bin"))
  values <- if (part[2] == "double") readBin(path, "double", n) else readBin(path, "integer", n)
  if (part[2] == "factor") factor(values) else values
}
lines <- readLines(file.path(folder, "columns.txt"))
rows <- as.data.frame(setNames(lapply(lines, read_column), sub(" .*", "", lines)))

memory <- function(entry) {
  if (!file.exists("/proc/self/status")) return(NaN)
  as.numeric(sub("[^0-9]*([0-9]+).*", "\\1", grep(entry, readLines("/proc/self/status"), value = TRUE))) / 1024
}
fit <- if (whole) function() lmer(formula, rows) else {
  first <- lmer(formula, rows)
  function() refit(first, rows$new_response)
}
# From the pieces: `refit` of lme4 1.1-31 stores the unrestricted value under the restricted one's name.
criterion <- function(result) {
  piece <- getME(result, "devcomp")$cmp
  free <- nobs(result) - length(fixef(result))
  piece[["ldL2"]] + piece[["ldRX2"]] + free * (1 + log(2 * pi * piece[["pwrss"]] / free))
}
if (file.exists("/proc/self/clear_refs")) cat("5", file = "/proc/self/clear_refs")
before <- memory("VmRSS")
taken <- c()
while (!length(taken) || (sum(taken) < budget && length(taken) < most)) {
  start <- Sys.time()
  result <- fit()
  taken <- c(taken, as.numeric(difftime(Sys.time(), start, units = "secs")))
}
cat(sprintf('{"first": %.6f, "best": %.6f, "median": %.6f, "calls": %d, "criterion": %.9f, "memory": %.1f, "note": "", "version": "%s"}\n',
            taken[1], min(taken), median(taken), length(taken), criterion(result), memory("VmHWM") - before, packageVersion("lme4")))
