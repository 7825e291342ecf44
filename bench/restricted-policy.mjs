// @ts-check
/** A policy with a great many rules, each of which the bench's own requests pass, the last item of each list at last. */
import { BENCH_MODEL } from './latchkey.mjs';

export const USER_AGENT = 'latchkey-bench/1.0';

/** @template Item @param {number} count @param {(index: number) => Item} itemAt */
function many(count, itemAt) {
  return Array.from({ length: count }, (_, index) => itemAt(index));
}

/** 20 CIDRs, 50 model patterns, 10 patterns of user agents, a list of countries, features and a token limit. */
export const RESTRICTED_POLICY = {
  permissions: {
    models: {
      allowed: [...many(49, (index) => `vendor-${index}/*-chat-*`), `${BENCH_MODEL.slice(0, -2)}*`],
      cost_limits: { 'bench-*': { max_tokens_per_request: 4096 } },
    },
    features: ['chat_completion', 'embeddings', 'function_calling', 'structured_outputs'],
    operations: ['read', 'write'],
  },
  security: {
    network_restrictions: {
      ip_whitelist: [
        ...many(10, (index) => `203.0.${index}.0/24`),
        ...many(9, (index) => `2001:db8:${index + 1}::/48`),
        '127.0.0.0/8',
      ],
      blocked_countries: ['KP', 'IR', 'SY', 'CU'],
    },
    domain_restrictions: {
      user_agents: {
        patterns: [
          ...many(9, (index) => String.raw`^Product${index}/\d+\.\d+`),
          String.raw`^latchkey-bench/\d+\.\d+$`,
        ],
      },
    },
  },
};
