/** Fields that several things of an organization have. */
export const DESCRIPTION_FIELD = {
  description: 'For people.',
  example: 'Everybody who works on the platform',
  max: 256,
  optional: true,
};

export const CHANGED_DESCRIPTION_FIELD = {
  ...DESCRIPTION_FIELD,
  description: 'For people. `null` removes it.',
  nullable: true,
};

export const TIME_RESPONSE = { type: String, format: 'date-time' } as const;
export const NULLABLE_TEXT_RESPONSE = { type: String, nullable: true } as const;
export const STANDINGS = ['active', 'suspended'] as const;
