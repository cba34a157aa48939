import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

/** How `barman recover` ended. */
export type Recovered = { readonly exitCode: number; readonly output: string };

export type StandInOptions = {
  /** What `barman diagnose` prints. */
  readonly diagnose: () => Promise<string>;
  /** Runs `barman recover` with the arguments that the API gives it. */
  readonly recover: (argv: readonly string[]) => Promise<Recovered>;
  readonly tls?: ServerOptions;
};

type Answer = { readonly status: number; readonly type: string; readonly body: string };

/**
 * Keeps the HTTP interface of pg-backup-api 2.2: paths, bodies and codes, 404 in JSON and every other
 * refusal as an HTML page. It passes on nothing of what `barman recover` says, as that does.
 */
export class PgBackupApiStandIn {
  readonly recoveries: (readonly string[])[] = [];
  /** Answers every question with it, as a proxy does whose server is away; null: none. */
  awayStatus: number | null = null;
  /** Questions that were answered with it. */
  refused = 0;
  /** Questions for the status of an operation that were answered. */
  polls = 0;
  readonly #operations = new Map<string, Recovered | null>();
  readonly #server: Server;

  private constructor(readonly options: StandInOptions) {
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request).then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type });
        response.end(body);
      });
    };
    this.#server =
      options.tls === undefined ? createHttp(answer) : createHttps(options.tls, answer);
  }

  static async listen(options: StandInOptions): Promise<PgBackupApiStandIn> {
    const standIn = new PgBackupApiStandIn(options);
    await new Promise<void>((resolve, reject) => {
      standIn.#server.once('error', reject);
      standIn.#server.listen(0, '127.0.0.1', resolve);
    });
    return standIn;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  }

  /** As after the loss of its directory: it knows no operation any more. */
  forgetOperations(): void {
    this.#operations.clear();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (this.awayStatus !== null) {
      this.refused += 1;
      return page(this.awayStatus, 'Service Unavailable');
    }
    const path = request.url ?? '';
    if (path === '/status') return { status: 200, type: 'text/html', body: '"OK"' };
    if (path === '/diagnose') return json(200, JSON.parse(await this.options.diagnose()));
    const [, server = '', , id] = /^\/servers\/([^/]+)\/operations(\/([^/]+))?$/.exec(path) ?? [];
    if (server === '') return missing('The requested URL was not found on the server.');
    const servers = await this.#backupsByServer();
    if (request.method === 'POST') {
      return this.#post(servers, server, Buffer.concat(chunks).toString('utf8'));
    }
    if (servers[server] === undefined) return missing(`No barman config found for '${server}'.`);
    return id === undefined ? this.#list() : this.#status(id);
  }

  #post(servers: Backups, server: string, text: string): Answer {
    const body = JSON.parse(text) as Record<string, string>;
    const { backup_id: wanted, remote_ssh_command: ssh, destination_directory: to } = body;
    const backups = servers[server];
    if (backups === undefined) return missing(`Server '${server}' does not exist`);
    if (wanted === undefined) return page(400, 'Request body is missing ``backup_id``');
    const id = wanted === 'latest' ? backups.at(-1) : wanted;
    if (id === undefined || !backups.includes(id)) {
      return missing(`Backup '${wanted}' does not exist`);
    }
    if (ssh === undefined || to === undefined || body['type'] !== 'recovery') {
      return page(400, 'Make sure all options/arguments are met and try again');
    }
    const operation = `20261126T1132${String(this.#operations.size).padStart(2, '0')}`;
    const argv = [server, wanted, to, '--remote-ssh-command', ssh];
    this.#operations.set(operation, null);
    this.recoveries.push(argv);
    void this.options.recover(argv).then((ended) => this.#operations.set(operation, ended));
    return json(202, { operation_id: operation });
  }

  #list(): Answer {
    const operations = [...this.#operations.keys()].map((id) => ({ id, type: 'recovery' }));
    return json(200, { operations });
  }

  #status(id: string): Answer {
    this.polls += 1;
    const ended = this.#operations.get(id);
    if (ended === undefined) return missing('Resource not found');
    const done = ended?.exitCode === 0 ? 'DONE' : 'FAILED';
    return json(200, { operation_id: id, status: ended === null ? 'IN_PROGRESS' : done });
  }

  async #backupsByServer(): Promise<Backups> {
    const { servers } = JSON.parse(await this.options.diagnose()) as {
      servers: Record<string, { backups: Record<string, unknown> }>;
    };
    const entries = Object.entries(servers);
    return Object.fromEntries(
      entries.map(([name, { backups }]) => [name, Object.keys(backups).sort()]),
    );
  }
}

type Backups = Readonly<Record<string, readonly string[]>>;

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: JSON.stringify(value) };
}

function missing(text: string): Answer {
  return json(404, { error: `404 Not Found: ${text}` });
}

function page(status: number, text: string): Answer {
  const body = `<!doctype html>\n<title>${status}</title>\n<p>${text}</p>\n`;
  return { status, type: 'text/html; charset=utf-8', body };
}
