import { ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';

import { AppError } from '#common/errors/app-error.js';

const MAX_REPORTED = 20;

/** Unknown fields, wrong types and values out of bounds are 400s that name the field's path. */
export function createValidationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) => {
      const problems = flatten(errors, '').slice(0, MAX_REPORTED);
      const [first] = problems;
      return new AppError('invalid_request', {
        ...(first && { message: first.message, param: first.param }),
        details: { problems },
      });
    },
  });
}

type Problem = { readonly param: string; readonly message: string };

function flatten(errors: readonly ValidationError[], parent: string): Problem[] {
  return errors.flatMap(({ property, constraints, children }) => {
    const param = pathOf(parent, property);
    const own = Object.entries(constraints ?? {}).map(([rule, text]) => ({
      param,
      message:
        rule === 'whitelistValidation' ? `Unknown field: ${param}` : text.replace(property, param),
    }));
    return [...own, ...flatten(children ?? [], param)];
  });
}

function pathOf(parent: string, property: string): string {
  if (parent === '') return property;
  return /^\d+$/.test(property) ? `${parent}[${property}]` : `${parent}.${property}`;
}
