import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

import type { Clock } from '#common/time/clock.js';

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const BOOT_TIME = /^\d+$/;
/** Far below the time from one boot to the next, and above what a clock that is set right by and by moves in a day. */
const TOLERANCE_MS = 10_000;

/** Names this boot of the machine: Linux does so itself; elsewhere it is the time of the boot in milliseconds. */
export function currentBoot(clock: Clock): string {
  try {
    return readFileSync(BOOT_ID_FILE, 'utf8').trim();
  } catch {
    // Not Linux, or no /proc.
    return String(Math.max(0, Math.round(clock.now() - uptime() * 1_000)));
  }
}

/** A clock that was set meanwhile makes it another boot, which is the side to err on. */
export function isSameBoot(one: string, other: string): boolean {
  if (one === other) return true;
  if (!BOOT_TIME.test(one) || !BOOT_TIME.test(other)) return false;
  return Math.abs(Number(one) - Number(other)) <= TOLERANCE_MS;
}
