/** A process beside a run of the tests that cleans up after it, however the run ends: `node sweeper.mjs MARK`. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { IN_ORDER } from './run-mark.ts';
import { sweep } from './sweep.ts';

const [, script = '', mark = ''] = process.argv;

// The run holds the other end for as long as it lives.
let said = '';
for await (const chunk of process.stdin) said += String(chunk);
const ended = await sweep(mark);
if (said !== IN_ORDER && ended > 0) {
  process.stderr.write(`the run is over: ${ended} processes that it had left were ended\n`);
}
rmSync(dirname(script), { recursive: true, force: true });
