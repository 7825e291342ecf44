import type { DynamicModule, INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

import { ERROR_SCHEMAS, showErrors } from './document-errors.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const DESCRIPTION =
  'A self-hosted AI gateway: keys with exact permissions in front of every LLM provider. ' +
  'Send your key as `Authorization: Bearer …`. Every answer has an `x-request-id`.';

/** The OpenAPI 3.1 document of the whole API, made from the routes themselves. */
export function buildApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Latchkey')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .setOpenAPIVersion('3.1.0')
    .addServer('/')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: 'A key, `pr-live-…` or `pr-test-…`, or the token of a session, `lks_…`.',
    })
    .build();
  const document = SwaggerModule.createDocument(app, config, { deepScanRoutes: true });
  nameAliases(document);
  for (const [path, operation] of operationsOf(document)) {
    operation.responses = showErrors(operation.responses, path);
  }
  document.components ??= {};
  document.components.schemas = { ...document.components.schemas, ...ERROR_SCHEMAS };
  return document;
}

function operationsOf({ paths }: OpenAPIObject): [path: string, operation: Operation][] {
  return Object.entries(paths).flatMap(([path, item]) =>
    [item.get, item.post, item.patch, item.put, item.delete].flatMap((operation) =>
      operation ? [[path, operation] satisfies [string, Operation]] : [],
    ),
  );
}

/** A route that is found under several paths is one operation with several names: each must be unique. */
function nameAliases(document: OpenAPIObject): void {
  const taken = new Set<string>();
  for (const [path, operation] of operationsOf(document)) {
    if (operation.operationId === undefined) continue;
    if (taken.has(operation.operationId)) {
      const [first = '', second = ''] = path.split('/').filter((part) => part !== '');
      operation.operationId += `_${first}${second === 'v1' ? '_v1' : ''}`;
    }
    taken.add(operation.operationId);
  }
}

/** Serves the document at `/openapi.json` and, for people, at `/docs`. */
export function serveApiDocument(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => buildApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Latchkey API',
  });
}

/** The document of an application that is not started: its modules are looked at, and none of their parts is made. */
export async function previewApiDocument(module: DynamicModule): Promise<OpenAPIObject> {
  const app = await NestFactory.create(module, new FastifyAdapter(), {
    preview: true,
    logger: false,
    abortOnError: false,
  });
  return buildApiDocument(app);
}
