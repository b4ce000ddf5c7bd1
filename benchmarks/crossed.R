# Times lme4 on the columns that crossed_patterns.py wrote; prints one line of JSON.
suppressPackageStartupMessages(library(lme4))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]; formula <- as.formula(arguments[2])
read_column <- function(line) {
  part <- strsplit(line, " ", fixed = TRUE)[[1]]
  path <- file.path(folder, paste0(part[1], ".bin"))
  size <- if (part[2] == "double") 8 else 4
  readBin(path, part[2], file.size(path) / size, size = size)
}
lines <- readLines(file.path(folder, "columns.txt"))
rows <- as.data.frame(setNames(lapply(lines, read_column), sub(" .*", "", lines)))
memory <- function(entry) {
  as.numeric(sub("[^0-9]*([0-9]+).*", "\\1", grep(entry, readLines("/proc/self/status"), value = TRUE))) / 1024
}
if (file.exists("/proc/self/clear_refs")) cat("5", file = "/proc/self/clear_refs")
before <- memory("VmRSS")
start <- Sys.time()
fit <- lmer(formula, rows, control = lmerControl(calc.derivs = FALSE))
seconds <- as.numeric(difftime(Sys.time(), start, units = "secs"))
sds <- as.data.frame(VarCorr(fit)); sds <- setNames(sds$sdcor, sds$grp)
cat(sprintf('{"seconds": %.6f, "memory": %.1f, "a": %.9f, "b": %.9f, "sigma": %.9f, "criterion": %.9f, "iterations": %d, "note": "REML", "version": "%s"}\n',
            seconds, memory("VmHWM") - before, sds[["a"]], sds[["b"]], sds[["Residual"]], REMLcrit(fit), fit@optinfo$feval, packageVersion("lme4")))
