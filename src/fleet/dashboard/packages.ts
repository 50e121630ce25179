import { DroverError } from '../../task/errors.js'

/**
 * Loads packages that only a dashboard needs.
 *
 * @throws DroverError `ERR_DROVER_PACKAGE` (as a rejection) that says how they are installed.
 */
export async function dashboardPackages() {
  try {
    const [api, adapter, board, hono, server, files, metrics] = await Promise.all([
      import('@bull-board/api'),
      import('@bull-board/api/bullMQAdapter'),
      import('@bull-board/hono'),
      import('hono'),
      import('@hono/node-server'),
      import('@hono/node-server/serve-static'),
      import('prom-client'),
    ])
    return { api, adapter, board, hono, server, files, metrics }
  } catch (error) {
    throw missingPackages(error)
  }
}

const PACKAGES = '@bull-board/api @bull-board/ui @bull-board/hono hono @hono/node-server prom-client'

/** What an error of loading them means. */
export function missingPackages(error: unknown): DroverError {
  const [problem] = (error as Error).message.split('\n')
  return new DroverError(
    'ERR_DROVER_PACKAGE',
    `the dashboard needs packages that are not all here (${problem}); install them with: npm install ${PACKAGES}`,
    { cause: error },
  )
}

export type DashboardPackages = Awaited<ReturnType<typeof dashboardPackages>>
