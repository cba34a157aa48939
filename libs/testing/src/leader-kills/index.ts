export { type KillConditions, killLeader, type LeaderKill } from './leader-kill.ts';
