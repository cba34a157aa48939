import { ownVersion } from '#libs/process';
import { EXIT, type Outcome } from '../outcome.ts';

export function version(): Outcome {
  const number = ownVersion();
  const node = process.version.slice(1);
  const text = `matriarch ${number} (Node.js ${node})`;
  return { exitCode: EXIT.held, text, result: { version: number, node } };
}
