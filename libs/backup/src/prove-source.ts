import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, type Lsn, messageOf, parseLsn } from '#libs/kernel';
import { dataPlacesOf, SqlSession } from '#libs/postgres-run';
import { directoryBytes } from './directory-size.ts';
import { failedPreflight, judgePreflight, type Preflight } from './preflight.ts';
import type { RebuildTool, ServerAccess, SourceRequest } from './rebuild-tool.ts';

/** Asks a tool's source, the primary and the disk; changes nothing, and never throws for what it finds. */
export async function proveSource(
  tool: RebuildTool,
  request: SourceRequest,
  bandwidthBytesPerSecond: number | null,
): Promise<Preflight> {
  try {
    const { dataDirectory, server, installation } = request;
    const [facts, freeBytes, presentBytes, keptFrom] = await Promise.all([
      tool.inspect(request),
      freeBytesAt(dataDirectory),
      presentBytesOf(dataDirectory),
      keptFromBy(server),
    ]);
    return judgePreflight({
      method: tool.name,
      capabilities: tool.capabilities,
      facts,
      expected: request.expected,
      major: installation.version.major,
      freeBytes,
      presentBytes,
      keptFrom,
      bandwidthBytesPerSecond,
    });
  } catch (error) {
    return failedPreflight(tool.name, messageOf(error));
  }
}

async function freeBytesAt(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return freeBytesAt(dirname(directory));
  }
}

async function presentBytesOf(dataDirectory: string): Promise<number> {
  const { walDirectory, tablespaces } = dataPlacesOf(dataDirectory);
  const linked = [walDirectory, ...tablespaces.map(({ location }) => location)];
  const places = [dataDirectory, ...linked.filter((place) => place !== null)];
  const sizes = await Promise.all(places.map(directoryBytes));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

const KEPT_SQL = `
SELECT (SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = $1)::text AS kept`;

/** From where on our slot holds the primary's WAL; null when that is not known. */
async function keptFromBy(server: ServerAccess | null): Promise<Lsn | null> {
  if (server === null || server.slotName === null) return null;
  const session = new SqlSession(server.sql);
  try {
    const [row] = await session.query(KEPT_SQL, [server.slotName]);
    const kept = row?.['kept'];
    return typeof kept === 'string' ? parseLsn(kept) : null;
  } catch {
    // The tool's own question to the source says what is wrong, where it needs the server at all.
    return null;
  } finally {
    await session.close();
  }
}
