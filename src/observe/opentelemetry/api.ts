/** What the package `@opentelemetry/api` exports, which is there or not. */
export type Api = typeof import('@opentelemetry/api')
