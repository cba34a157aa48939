import type { RecordedEventJson } from '#libs/api';
import type { Terminal } from '../terminal.ts';

import { timeText } from './time-text.ts';
import { wrap } from './wrap.ts';

type Look = Pick<Terminal, 'columns' | 'colors'>;

/** One event, wrapped below its own text. Completed work is green, an outage yellow, a refusal red. */
export function eventLine(event: RecordedEventJson, look: Look): string {
  const place = `${timeText(event.at)}  ${String(event.sequence).padStart(5)}  `;
  const text = wrap(event.text, look.columns - place.length, '').replaceAll(
    '\n',
    `\n${' '.repeat(place.length)}`,
  );
  return `${look.colors.dim(place)}${colorOf(event.event.type, look.colors)(text)}`;
}

function colorOf(type: string, colors: Look['colors']): (text: string) => string {
  if (/Completed$|^Promoted$|^PrimaryResumed$/.test(type)) return colors.green;
  if (/^FailoverStarted$|^LeaseExpired$|^SwitchoverStarted$/.test(type)) return colors.yellow;
  if (/Refused$|Aborted$|Abandoned$/.test(type)) return colors.red;
  return (text) => text;
}
