import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { messageOf } from '#libs/kernel';
import { INSPECT_LIMIT_MS } from '../../limits.ts';
import { SourceError } from '../../rebuild-tool.ts';
import type { BarmanApiSettings } from '../../settings.ts';

/** What `POST /servers/NAME/operations` reads of a recovery. It knows no other option of `barman recover`. */
export type RecoveryOrder = {
  readonly backup_id: string;
  readonly remote_ssh_command: string;
  readonly destination_directory: string;
};

const STATUSES = ['IN_PROGRESS', 'DONE', 'FAILED'] as const;
export type OperationStatus = (typeof STATUSES)[number];

/** No answer of the API itself: its host, its proxy or its process is away, and may come back. */
export class ApiSilentError extends SourceError {}

type Answer = { readonly status: number; readonly body: string };

const ANSWER_MAX_BYTES = 67_108_864;

/** The HTTP interface of pg-backup-api 2. */
export class PgBackupApi {
  readonly #base: URL;

  constructor(readonly settings: BarmanApiSettings) {
    this.#base = new URL(settings.url.endsWith('/') ? settings.url : `${settings.url}/`);
  }

  /** @throws SourceError unless it says that it is up */
  async ensureUp(): Promise<void> {
    const { status, body } = await this.#ask('GET', 'status');
    if (status === 200 && body.trim() === '"OK"') return;
    throw this.#refusal('GET', 'status', { status, body });
  }

  /** What `barman diagnose` prints. */
  async diagnosis(): Promise<unknown> {
    return this.#json('GET', 'diagnose', await this.#ask('GET', 'diagnose'), 200);
  }

  /** The id of the operation, which runs from then on. */
  async startRecovery(server: string, order: RecoveryOrder): Promise<string> {
    const path = operationsOf(server);
    const body = JSON.stringify({ type: 'recovery', ...order });
    const answer = await this.#ask('POST', path, body);
    const { operation_id: id } = this.#json('POST', path, answer, 202) as {
      operation_id?: unknown;
    };
    if (typeof id === 'string') return id;
    throw this.#refusal('POST', path, answer);
  }

  async operationStatus(server: string, operation: string): Promise<OperationStatus> {
    const path = `${operationsOf(server)}/${encodeURIComponent(operation)}`;
    const answer = await this.#ask('GET', path);
    const told = this.#json('GET', path, answer, 200) as { status?: unknown };
    const status = STATUSES.find((one) => one === told.status);
    if (status !== undefined) return status;
    throw this.#refusal('GET', path, answer);
  }

  #json(method: string, path: string, answer: Answer, expected: number): object {
    if (answer.status !== expected) throw this.#refusal(method, path, answer);
    const parsed = jsonOf(answer.body);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
    throw this.#refusal(method, path, answer);
  }

  #refusal(method: string, path: string, { status, body }: Answer): SourceError {
    const { url } = this.settings;
    const text = `pg-backup-api at ${url} answers ${method} /${path} with ${status}: ${reasonIn(body)}`;
    return status >= 500 ? new ApiSilentError(text) : new SourceError(text);
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: string): Promise<Answer> {
    const tls = this.#tls();
    try {
      return await answered(new URL(path, this.#base), { method, ...tls }, body);
    } catch (cause) {
      const text = `pg-backup-api at ${this.settings.url} does not answer: ${reasonOf(cause)}`;
      throw new ApiSilentError(text, { cause });
    }
  }

  /** Read each time: certificates are renewed under a running agent. */
  #tls(): Readonly<Record<string, string>> {
    const { ca, client } = this.settings;
    return {
      ...(ca === null ? {} : { ca: pem('ca', ca) }),
      ...(client === null
        ? {}
        : { cert: pem('certificate', client.certificate), key: pem('key', client.key) }),
    };
  }
}

function operationsOf(server: string): string {
  return `servers/${encodeURIComponent(server)}/operations`;
}

function pem(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const text = `backup.barman.api.${key} is ${file}, which cannot be read: ${messageOf(cause)}`;
    throw new SourceError(text, { cause });
  }
}

type Call = { readonly method: string } & Readonly<Record<string, string>>;

function answered(url: URL, call: Call, body?: string): Promise<Answer> {
  const headers = {
    accept: 'application/json',
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) => {
      clearTimeout(limit);
      reject(cause);
    };
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = start(url, { ...call, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > ANSWER_MAX_BYTES) {
          request.destroy(new Error(`its answer has more than ${ANSWER_MAX_BYTES} bytes`));
        }
      });
      response.on('error', failed);
      response.on('end', () => {
        clearTimeout(limit);
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    const limit = setTimeout(() => {
      request.destroy(new Error(`nothing within ${INSPECT_LIMIT_MS / 1_000} s`));
    }, INSPECT_LIMIT_MS);
    request.on('error', failed);
    request.end(body);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What it refuses is in `error`, or in the text of an HTML page. */
function reasonIn(body: string): string {
  const parsed = jsonOf(body);
  if (typeof parsed === 'object' && parsed !== null && 'error' in parsed) {
    return String(parsed.error);
  }
  const text = body.replace(/<title>.*?<\/title>|<[^>]*>/gs, ' ').replace(/\s+/g, ' ');
  return text.trim().slice(0, 300) || 'no text';
}

/** Of several addresses none was reached: the message itself is empty. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(messageOf).join('; ');
  return messageOf(cause);
}
