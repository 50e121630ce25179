import workerpool from 'workerpool'
import { handle } from './echo.mjs'

workerpool.worker({ handle })
