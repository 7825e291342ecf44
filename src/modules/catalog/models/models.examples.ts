/** Example of the OpenAPI document. */
export const MODEL_EXAMPLE = {
  id: 'gpt-4o-mini',
  object: 'model',
  created: 1_795_251_600,
  owned_by: 'openai',
  context_length: 128_000,
  max_output_tokens: 16_384,
};
