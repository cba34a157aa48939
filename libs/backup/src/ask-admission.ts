import { type Lsn, parseLsn } from '#libs/kernel';
import { type Row, SqlSession, tryWalsenders } from '#libs/postgres-run';
import { judgeAdmission, type SenderRoom } from './admission.ts';
import type { Check } from './preflight.ts';
import type { ServerAccess, ToolCapabilities } from './rebuild-tool.ts';
import { segmentBegin } from './wal-segment.ts';

/** What pg_basebackup takes: one for the files, and one for the WAL that is written meanwhile. */
const SENDERS_OF_A_COPY = 2;

const ROOM_SQL = `
SELECT current_setting('max_wal_senders')::int AS senders,
       (SELECT count(*)::int FROM pg_stat_replication) AS senders_used,
       current_setting('max_replication_slots')::int AS slots,
       (SELECT json_agg(slot_name ORDER BY slot_name)::text FROM pg_replication_slots) AS slot_names,
       (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size') AS segment_bytes,
       (SELECT restart_lsn::text FROM pg_replication_slots WHERE slot_name = $1) AS kept`;

export type Admission = { readonly checks: readonly Check[]; readonly keptFrom: Lsn | null };

/** How many walsenders a tool and the standby that it makes need of `server` at once. */
export function sendersFor({ streams }: ServerAccess, tool: ToolCapabilities): number {
  if (tool.fromServer && !tool.inPlace) return SENDERS_OF_A_COPY;
  return streams ? 1 : 0;
}

/**
 * Connects as a copy and a standby would, and lets go again. It is asked before anything is changed: a
 * copy that nobody lets stream afterwards has cost the instance for nothing.
 */
export async function askAdmission(server: ServerAccess, wanted: number): Promise<Admission> {
  const { name, walsender, slotName } = server;
  // The walsenders that are tried for would count themselves.
  const room = await askRoom(server);
  const refused = await tryWalsenders(walsender, wanted).then(
    () => null,
    (error: unknown) => error,
  );
  const facts = { server: name, user: walsender.user, wanted, refused, room, slotName };
  return { checks: judgeAdmission(facts), keptFrom: room?.keptFrom ?? null };
}

async function askRoom({ sql, slotName }: ServerAccess): Promise<SenderRoom | null> {
  const session = new SqlSession(sql);
  try {
    const [row] = await session.query(ROOM_SQL, [slotName]);
    return row === undefined ? null : roomOf(row);
  } catch {
    // The tool's own question to the source says what is wrong, where it needs the server at all.
    return null;
  } finally {
    session.close();
  }
}

function roomOf(row: Row): SenderRoom {
  const { senders, senders_used, slots, slot_names, segment_bytes, kept } = row;
  return {
    senders: Number(senders),
    sendersUsed: Number(senders_used),
    slots: Number(slots),
    slotNames: typeof slot_names === 'string' ? (JSON.parse(slot_names) as string[]) : [],
    keptFrom:
      typeof kept === 'string' ? segmentBegin(parseLsn(kept), BigInt(String(segment_bytes))) : null,
  };
}
