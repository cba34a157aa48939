import { CONTROLLER_HOSTS, DATABASE_HOSTS } from '../hosts/six-hosts.ts';
import type { Role } from './strike.ts';

/** Which host plays which role right now. */
export type Cast = Readonly<Record<Role, string>>;

/** While nobody is primary or leads, the last one that did keeps the role. */
export function castOf(primary: string, leader: string): Cast {
  const [standby = '', otherStandby = ''] = DATABASE_HOSTS.filter((host) => host !== primary);
  const [follower = '', otherFollower = ''] = CONTROLLER_HOSTS.filter((host) => host !== leader);
  return {
    primary,
    standby,
    'other-standby': otherStandby,
    leader,
    follower,
    'other-follower': otherFollower,
  };
}
