/** Preloaded into a server under test: on SIGUSR2 it collects garbage and prints what is left. */
process.on('SIGUSR2', () => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  process.stdout.write(`live bytes ${heapUsed + arrayBuffers}\n`);
});
