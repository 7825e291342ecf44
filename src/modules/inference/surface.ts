/** What every route here needs. */
export const INFERENCE_ENDPOINT = { scope: 'inference', kind: 'inference' } as const;

/** One operation of the API, described for the pipeline that serves them all. */
export type Surface = {
  readonly name: 'chat.completions' | 'completions' | 'embeddings';
  /** Below the provider's base URL. */
  readonly upstreamPath: string;
  /** Whether `stream: true` is understood, with usage in a last chunk when asked for. */
  readonly streams: boolean;
};

export const CHAT_COMPLETIONS: Surface = {
  name: 'chat.completions',
  upstreamPath: '/chat/completions',
  streams: true,
};
export const COMPLETIONS: Surface = {
  name: 'completions',
  upstreamPath: '/completions',
  streams: true,
};
export const EMBEDDINGS: Surface = {
  name: 'embeddings',
  upstreamPath: '/embeddings',
  streams: false,
};
