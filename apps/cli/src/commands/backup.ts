import { statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { API_PATHS, problemSchema } from '#libs/api';
import { epochMs } from '#libs/kernel';
import { BackupReader } from '#libs/storage';
import { CERTIFICATE_ADVICE } from '../api/certificate-advice.ts';
import { HttpFailure, openHttp } from '../api/http-request.ts';
import { ControllersUnreachableError, RefusedError, UsageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { interruptible } from '../interruptible.ts';
import { EXIT, type Outcome } from '../outcome.ts';

const HEAD_LIMIT_MS = 10_000;
/** Between two pieces. */
const SILENCE_LIMIT_MS = 30_000;
const PROBLEM_BYTES_MAX = 65_536;
const MIB = 1_048_576;

/** Streams the state of the controllers into a file that appears only when it is whole. */
export function backup(context: Context, file: string): Promise<Outcome> {
  return interruptible(async (signal) => {
    requireTarget(file);
    const client = await context.client();
    const { tls } = client;
    if (tls === null) {
      throw new UsageError(
        `a backup holds passwords and needs an operator certificate: ${CERTIFICATE_ADVICE}`,
      );
    }
    // The leader has everything: asking for the status puts it first.
    await client.status();
    const attempts: string[] = [];
    let wayOut: string | null = null;
    for (const base of client.urls) {
      const url = new URL(API_PATHS.backup, base);
      url.protocol = 'https:';
      try {
        const call = { method: 'GET', url, tls, timeoutMs: HEAD_LIMIT_MS, signal } as const;
        const response = await openHttp(call);
        response.setTimeout(SILENCE_LIMIT_MS, () => {
          response.destroy(new Error(`nothing came for ${SILENCE_LIMIT_MS} ms`));
        });
        if (response.statusCode !== 200) throw await refusalOf(response);
        return await store(context, { file, from: url.host, pieces: response, signal });
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof HttpFailure)) throw error;
        attempts.push(`${base.origin}: ${error.message}`);
        wayOut ??= error.wayOut;
      }
    }
    throw new ControllersUnreachableError(attempts, wayOut);
  });
}

/** Before anything is asked: a name that cannot be written to. */
function requireTarget(file: string): void {
  const directory = dirname(file);
  const around = statSync(directory, { throwIfNoEntry: false });
  if (around?.isDirectory() !== true) {
    throw new UsageError(`there is no directory ${directory} for ${file}: make it first`);
  }
  const there = statSync(file, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile()) {
    throw new UsageError(`${file} is no file: name the file that the backup is to become`);
  }
}

type Incoming = {
  readonly file: string;
  readonly from: string;
  readonly pieces: AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
};

async function store(context: Context, incoming: Incoming): Promise<Outcome> {
  const { file, from, pieces, signal } = incoming;
  const partial = `${file}.partial-${process.pid}`;
  const target = await open(partial, 'wx', 0o600);
  let bytes = 0;
  try {
    const reader = new BackupReader();
    for await (const piece of pieces) {
      signal.throwIfAborted();
      reader.push(piece);
      await target.writeFile(piece);
      bytes += piece.length;
      context.terminal.transient(`backup from ${from}: ${(bytes / MIB).toFixed(1)} MiB`);
    }
    const { header } = reader.finish();
    await target.sync();
    await target.close();
    signal.throwIfAborted();
    await rename(partial, file);
    await syncDirectory(dirname(file));
    return outcomeOf(incoming, bytes, header);
  } catch (error) {
    await target.close();
    await rm(partial, { force: true });
    signal.throwIfAborted();
    throw error;
  } finally {
    context.terminal.transient('');
  }
}

function outcomeOf(
  { file, from }: Incoming,
  bytes: number,
  header: ReturnType<BackupReader['finish']>['header'],
): Outcome {
  const { groupId, incarnation, madeAtMs } = header;
  const { index, term, membership } = header.meta;
  const members = membership.members.map((member) => member.name);
  const madeAt = new Date(epochMs(madeAtMs)).toISOString();
  const text =
    `${file}: state of the controllers at log index ${index}, term ${term}, from ${from}, ` +
    `${bytes} bytes, SHA-256 checked\nit holds passwords: keep it as you keep ca.key`;
  const result = { ok: true, file, bytes, groupId, incarnation, index, term, members, madeAt };
  return { exitCode: EXIT.held, text, result };
}

async function refusalOf(response: AsyncIterable<Buffer>): Promise<RefusedError> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size <= PROBLEM_BYTES_MAX) chunks.push(chunk);
  }
  const parsed = problemSchema.safeParse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  return parsed.success
    ? new RefusedError(parsed.data.code, parsed.data.detail)
    : new RefusedError('FOREIGN_ANSWER', 'the controller refused without saying why');
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
