import workerpool from 'workerpool'
import { echo } from './echo.mjs'

workerpool.worker({ echo })
