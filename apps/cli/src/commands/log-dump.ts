import { type Json, jsonOf } from '#libs/api';
import { unpackCommand, unpackEnvelope } from '#libs/event-store';
import { messageOf, unreachable } from '#libs/kernel';
import type { LogEntry } from '#libs/raft';
import { openOffline, type ReplicaStore, withCopy } from '#libs/storage';
import { UsageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { interruptible } from '../interruptible.ts';
import { STORE_PORTS } from '../offline/new-life.ts';
import { EXIT, type Outcome } from '../outcome.ts';

export type DumpOptions = {
  readonly directory: string;
  readonly from?: number;
  readonly to?: number;
};

const READ_BYTES = 1_048_576;
/** Values of registers and passwords are not printed. */
const HIDDEN = (bytes: Uint8Array): string => `${bytes.length} bytes`;

/** What is in the log of a stopped controller, decoded; the directory stays as it is. */
export async function logDump(context: Context, options: DumpOptions): Promise<Outcome | null> {
  const { directory, from = 0, to = Number.MAX_SAFE_INTEGER } = options;
  const { terminal } = context;
  if (from > to)
    throw new UsageError(`--from ${from} lies after --to ${to}: give the first one first`);
  const asText = terminal.format === 'table';
  const entries: { readonly [key: string]: Json }[] = [];
  const held = await interruptible((signal) =>
    withCopy(directory, async (copy) => {
      const { store, recovered } = await openOffline(copy);
      try {
        const { firstIndex, lastIndex } = recovered;
        const first = Math.max(from, firstIndex);
        if (from > lastIndex || to < firstIndex) {
          terminal.note(
            `no entry of those asked for is there: the log holds ${firstIndex} to ${lastIndex}`,
          );
        }
        for await (const entry of entriesOf(store, first, Math.min(to, lastIndex))) {
          signal.throwIfAborted();
          const decoded = decodedEntry(entry);
          if (!asText) entries.push(decoded);
          else terminal.line(lineOf(decoded, entry.index > recovered.appliedIndex));
        }
        return { firstIndex, lastIndex };
      } finally {
        await store.close();
      }
    }),
  );
  if (asText) return null;
  return { exitCode: EXIT.held, text: '', result: { directory, ...held, entries } };
}

async function* entriesOf(store: ReplicaStore, from: number, to: number): AsyncGenerator<LogEntry> {
  for (let index = from; index <= to; ) {
    const entries = await store.readEntries(index, to, READ_BYTES);
    if (entries.length === 0) return;
    yield* entries;
    index = (entries.at(-1)?.index ?? to) + 1;
  }
}

function decodedEntry(entry: LogEntry): { readonly [key: string]: Json } {
  const { index, term, kind } = entry;
  switch (kind) {
    case 'empty':
      return { index, term, kind };
    case 'membership':
      return { index, term, kind, membership: jsonOf(entry.membership) };
    case 'command':
      return { index, term, kind, ...decodedCommand(entry.payload) };
    default:
      return unreachable(kind);
  }
}

function decodedCommand(payload: Uint8Array): { readonly [key: string]: Json } {
  try {
    const envelope = unpackEnvelope(STORE_PORTS, payload);
    if (envelope.from === 'opening') return { from: 'opening' };
    const command = unpackCommand(STORE_PORTS, envelope.body);
    const shown = 'value' in command ? { ...command, value: HIDDEN(command.value) } : command;
    const session = envelope.from === 'session' ? { session: envelope.session } : {};
    return { from: envelope.from, ...session, command: jsonOf(shown) };
  } catch (error) {
    return { unreadable: messageOf(error), bytes: payload.length };
  }
}

function lineOf(decoded: { readonly [key: string]: Json }, mayBeUncommitted: boolean): string {
  const { index, term, kind, ...rest } = decoded;
  const content = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`;
  return `${index}\t${term}\t${kind}${content}${mayBeUncommitted ? '\t(not applied here)' : ''}`;
}
