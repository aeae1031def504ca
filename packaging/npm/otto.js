#!/usr/bin/env node
// Starts the otto of this platform, which npm has installed beside this package, and ends as it ended.
"use strict";
const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const platform = `${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`otto-run-${platform}/otto`);
} catch {
  console.error(`error: there is no otto for ${platform}, or npm left it out`);
  console.error("  = help: install without --omit=optional; otto exists for Linux and macOS, on x64 and arm64");
  process.exit(2);
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
// A terminal signals both; otto decides what that means. What is sent to this process alone is handed on.
for (const signal of ["SIGINT", "SIGQUIT"]) process.on(signal, () => {});
for (const signal of ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`error: otto did not start: ${error.message}`);
  process.exit(125);
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Where the signal does not end this process.
  setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
});
