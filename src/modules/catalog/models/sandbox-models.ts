/** A model of the built-in sandbox. It costs nothing, and any key may call it. */
export type SandboxModel = { readonly id: string; readonly createdAt: Date };

const SINCE = new Date('2026-11-21T00:00:00Z');

export const SANDBOX_MODELS: readonly SandboxModel[] = [
  { id: 'sandbox/echo', createdAt: SINCE },
  { id: 'sandbox/lorem', createdAt: SINCE },
];
