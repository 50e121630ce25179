import { DroverError } from '../task/errors.js'
import type { Conversation, ConversationEvents } from './conversation.js'
import { FramesConversation } from './frames-conversation.js'
import { encodeLine, LinesConversation } from './lines-conversation.js'
import type { CheckedPoolOptions } from './pool-options.js'
import { encodeBytes, ProcessPoolConversation } from './process-pool-conversation.js'
import { type EncodedValue, encodeValue } from './wire/values.js'

/** The pool's side of the protocol that was chosen, for a new worker. */
export function makeConversation(options: CheckedPoolOptions, events: ConversationEvents): Conversation {
  const { protocol, maxMessageBytes, encoding, isModule } = options
  if (protocol === 'frames') return new FramesConversation(events, maxMessageBytes, isModule, options.busyPollMs)
  const asText = encoding === 'utf8'
  if (protocol === 'lines') return new LinesConversation(events, maxMessageBytes, asText)
  return new ProcessPoolConversation(events, maxMessageBytes, asText)
}

/**
 * A request as it goes over the wire.
 *
 * @throws OptionError for what the protocol cannot carry; DroverError `ERR_DROVER_VALUE` for what cannot be cloned.
 */
export function encodeRequest({ protocol }: CheckedPoolOptions, data: unknown): EncodedValue {
  if (protocol === 'lines') return encodeLine(data)
  if (protocol === 'process-pool') return encodeBytes(data)
  try {
    return encodeValue(data, true)
  } catch (error) {
    throw new DroverError('ERR_DROVER_VALUE', `the request cannot be sent: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
