/**
 * The first frame of every link, before anything is trusted.
 * Protocol history: 1 = first release; 2 = states are compared through the log (`Feature`); 3 = a preferred
 * candidate fetches what it lacks before it is promoted (`FAST_FORWARD_LEVEL`); 4 = backup policies change with the
 * configuration (`BACKUP_POLICY_LEVEL`), and forms within fields (`FORMS` of libs/cluster/src/vocabulary.ts);
 * 5 = a standby cluster may follow an archive alone (`FORMS`); 6 = a demotion on an operator's word does not ask
 * the remote first (`ClusterDemotionStarted`); 7 = a timeline id that somebody took by hand is never given out
 * (`TAKEN_TIMELINE_LEVEL`); 8 = whom a standby cluster is to follow instead is asked first (`RemoteChangeAsked`);
 * 9 = the order to build an instance anew ends when that is promoted (`REBUILD_WITHDRAWN_LEVEL`);
 * 10 = an operator has a copy that a rebuild had put aside put back (`COPY_ASIDE_LEVEL`).
 */
export const PROTOCOL_MIN = 1;
export const PROTOCOL_MAX = 10;

export type ProtocolRange = { readonly protocolMin: number; readonly protocolMax: number };

/** What this version speaks; tests of an upgrade say otherwise. */
export const OWN_PROTOCOL: ProtocolRange = {
  protocolMin: PROTOCOL_MIN,
  protocolMax: PROTOCOL_MAX,
};

/**
 * What controllers may do only once all of them can: each with the level of the protocol that brings it.
 * The group switches to a level by an entry of its log, when every member speaks it.
 */
export const Feature = { stateChecks: 2 } as const;

export const CHANNELS = ['raft-control', 'raft-bulk', 'guard', 'agent', 'session'] as const;
export type Channel = (typeof CHANNELS)[number];

export const PEER_ROLES = ['controller', 'agent', 'guard', 'operator'] as const;
export type PeerRole = (typeof PEER_ROLES)[number];

/** Who a process is, as its certificate and its hello both say. */
export type PeerIdentity = {
  /** 16 hexadecimal digits, made with the certificate authority. */
  readonly groupId: string;
  readonly role: PeerRole;
  /** Agents and guards: `<cluster>/<instance>`. */
  readonly name: string;
};

export type Hello = PeerIdentity &
  ProtocolRange & {
    readonly channel: Channel;
    /** The seat of a controller in the Raft group; 0 for others. */
    readonly memberId: number;
    /** Random per start of the process, so that a restart is told from a new connection. */
    readonly incarnation: string;
    /** No TLS beneath: benchmarks only, and refused unless both sides were told so. */
    readonly plain: boolean;
  };

export type Welcome = PeerIdentity & {
  /** The version both speak from here on. */
  readonly protocol: number;
  readonly memberId: number;
  readonly incarnation: string;
  readonly plain: boolean;
};

export type RefusalReason =
  | 'protocol'
  | 'group'
  | 'role'
  | 'channel'
  | 'certificate'
  | 'plain'
  | 'busy'
  | 'malformed';

export type LinkRefusal = { readonly reason: RefusalReason; readonly detail: string };

export type HelloVerdict =
  | { readonly accepted: true; readonly protocol: number }
  | { readonly accepted: false; readonly refusal: LinkRefusal };

const CHANNEL_ROLES: Readonly<Record<Channel, readonly PeerRole[]>> = {
  'raft-control': ['controller'],
  'raft-bulk': ['controller'],
  guard: ['guard'],
  agent: ['agent'],
  session: ['operator', 'agent', 'controller'],
};

/** What the accepting side knows: itself, the channels it serves, and the peer's certificate. */
export type HelloExpectation = {
  readonly groupId: string;
  readonly channels: readonly Channel[];
  /** From the verified certificate; null on a plain link. */
  readonly certificate: PeerIdentity | null;
  readonly protocol: ProtocolRange;
};

/** Decides on a hello; nothing but its arguments counts. */
export function judgeHello(hello: Hello, expected: HelloExpectation): HelloVerdict {
  const { certificate } = expected;
  if (hello.plain !== (certificate === null)) {
    return refused('plain', 'one side expects an unencrypted link, the other does not');
  }
  const { protocolMin, protocolMax } = expected.protocol;
  const protocol = Math.min(hello.protocolMax, protocolMax);
  if (protocol < Math.max(hello.protocolMin, protocolMin)) {
    const theirs = `${hello.protocolMin}-${hello.protocolMax}`;
    return refused('protocol', `it speaks ${theirs}, this side ${protocolMin}-${protocolMax}`);
  }
  if (hello.groupId !== expected.groupId) {
    return refused('group', `it belongs to group ${hello.groupId}, this is ${expected.groupId}`);
  }
  const mismatch = certificate === null ? null : certificateMismatch(hello, certificate);
  if (mismatch !== null) return refused('certificate', mismatch);
  if (!CHANNEL_ROLES[hello.channel].includes(hello.role)) {
    return refused('role', `role ${hello.role} may not use channel ${hello.channel}`);
  }
  if (!expected.channels.includes(hello.channel)) {
    return refused('channel', `channel ${hello.channel} is not served here`);
  }
  return { accepted: true, protocol };
}

/** The first difference between what a peer says it is and what its certificate says; null when none. */
export function certificateMismatch(said: PeerIdentity, certificate: PeerIdentity): string | null {
  if (said.groupId !== certificate.groupId) return `certificate of group ${certificate.groupId}`;
  if (said.role !== certificate.role) {
    return `certificate of role ${certificate.role}, hello of role ${said.role}`;
  }
  if (said.name !== certificate.name) {
    return `certificate of '${certificate.name}', hello of '${said.name}'`;
  }
  return null;
}

function refused(reason: RefusalReason, detail: string): HelloVerdict {
  return { accepted: false, refusal: { reason, detail } };
}
