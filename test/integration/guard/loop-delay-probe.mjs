// Loaded with --import into the process that is measured: on SIGUSR2 it writes what it saw and begins anew. It says
// when it is ready: without a handler the signal ends a process.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
process.on('SIGUSR2', () => {
  // The histogram counts the whole interval; what is above the resolution is the delay.
  const p99Ms = delay.percentile(99) / 1e6 - RESOLUTION_MS;
  const maxMs = delay.max / 1e6 - RESOLUTION_MS;
  globalThis.gc?.();
  const { heapUsed } = process.memoryUsage();
  const report = `${process.env['LOOP_DELAY_DIRECTORY']}/loop-delay-${process.pid}.json`;
  writeFileSync(report, JSON.stringify({ p99Ms, maxMs, heapUsed }));
  delay.reset();
});
writeFileSync(`${process.env['LOOP_DELAY_DIRECTORY']}/loop-delay-${process.pid}.ready`, '');
