/** How often a process is killed: `PROOF_KILLS=20` is what the guarantees speak of; fewer show the same. */
export const KILLS = Number(process.env.PROOF_KILLS ?? 8);
