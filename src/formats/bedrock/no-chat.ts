import { Failure } from '../../chat/failure.ts'
import type { ProviderFormat } from '../format.ts'

/** For chats with Bedrock, which are refused: it is here for its vectors. */
export const bedrockWithoutChat: ProviderFormat = {
  name: 'bedrock',
  framing: 'sse',
  prepare: () => {
    const message = 'Bedrock is asked for vectors alone: use POST /v1/embeddings, or this model at another provider.'
    throw new Failure('model-not-capable', message, { param: 'model' })
  },
}
