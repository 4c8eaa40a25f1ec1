/** Made by scripts/api-types from the service's OpenAPI document: b4c6db0b679ca1ba 37447ffe8a66ff32 */

export interface paths {
    "/": {
        /** Landing page; the map for browsers */
        get: operations["landing__get"];
    };
    "/api": {
        /** OpenAPI document */
        get: operations["api_api_get"];
    };
    "/audit": {
        /** Commits and events, oldest first */
        get: operations["audit_audit_get"];
    };
    "/audit/verify": {
        /** Recompute the whole chain */
        get: operations["verify_audit_verify_get"];
    };
    "/auth/login": {
        /** Sign in */
        post: operations["login_auth_login_post"];
    };
    "/auth/logout": {
        /** Sign out */
        post: operations["logout_auth_logout_post"];
    };
    "/auth/me": {
        /** Who am I */
        get: operations["me_auth_me_get"];
    };
    "/auth/password": {
        /** Change one's password */
        post: operations["password_auth_password_post"];
    };
    "/auth/tokens": {
        /** One's tokens, newest first */
        get: operations["tokens_auth_tokens_get"];
        /** Make a token */
        post: operations["new_token_auth_tokens_post"];
    };
    "/auth/tokens/{token_id}": {
        /** Revoke one of one's tokens */
        delete: operations["revoke_auth_tokens__token_id__delete"];
    };
    "/collections": {
        /** All layers */
        get: operations["collections_collections_get"];
    };
    "/collections/{layer}": {
        /** A layer */
        get: operations["collection_collections__layer__get"];
    };
    "/collections/{layer}/items": {
        /** Features of a layer */
        get: operations["items_collections__layer__items_get"];
        /** Create a feature, or several at once */
        post: operations["create_collections__layer__items_post"];
    };
    "/collections/{layer}/items/{fid}": {
        /** A feature */
        get: operations["item_collections__layer__items__fid__get"];
        /** Replace a feature */
        put: operations["replace_collections__layer__items__fid__put"];
        /** Delete a feature */
        delete: operations["delete_collections__layer__items__fid__delete"];
        /** Change some of a feature */
        patch: operations["update_collections__layer__items__fid__patch"];
    };
    "/collections/{layer}/items/{fid}/history": {
        /** Versions of a feature */
        get: operations["history_collections__layer__items__fid__history_get"];
    };
    "/collections/{layer}/items/{fid}/photos": {
        /** Photos of a feature */
        get: operations["of_feature_collections__layer__items__fid__photos_get"];
        /** Add a photo */
        post: operations["add_collections__layer__items__fid__photos_post"];
    };
    "/collections/{layer}/items/{fid}/restore": {
        /** Bring back a deleted feature, or an older version */
        post: operations["restore_collections__layer__items__fid__restore_post"];
    };
    "/collections/{layer}/items/{fid}/series": {
        /** An index of a feature and its samples */
        get: operations["series_collections__layer__items__fid__series_get"];
    };
    "/collections/{layer}/queryables": {
        /** What filters may use */
        get: operations["queryables_collections__layer__queryables_get"];
    };
    "/collections/{layer}/schema": {
        /** Fields of a layer */
        get: operations["schema_collections__layer__schema_get"];
    };
    "/collections/{layer}/sortables": {
        /** What sortby may use */
        get: operations["sortables_collections__layer__sortables_get"];
    };
    "/collections/{layer}/tiles": {
        /** Tilesets of a layer */
        get: operations["tilesets_collections__layer__tiles_get"];
    };
    "/collections/{layer}/tiles/{tms}": {
        /** A tileset of a layer */
        get: operations["tileset_collections__layer__tiles__tms__get"];
    };
    "/collections/{layer}/tiles/{tms}/{z}/{row}/{col}": {
        /** A tile of a tileset */
        get: operations["tileset_tile_collections__layer__tiles__tms___z___row___col__get"];
    };
    "/conflicts": {
        /** Edits that wait for a decision */
        get: operations["every_conflicts_get"];
    };
    "/conflicts/{number}": {
        /** A conflict, compared three ways */
        get: operations["one_conflicts__number__get"];
    };
    "/conflicts/{number}/resolve": {
        /** Decide a conflict */
        post: operations["resolve_conflicts__number__resolve_post"];
    };
    "/conformance": {
        /** Conformance classes that hold */
        get: operations["conformance_conformance_get"];
    };
    "/health/live": {
        /** The process answers */
        get: operations["live_health_live_get"];
    };
    "/health/ready": {
        /** The service can do its work */
        get: operations["ready_health_ready_get"];
    };
    "/jobs": {
        /** Jobs, newest first */
        get: operations["jobs_jobs_get"];
    };
    "/jobs/{job_id}": {
        /** A job */
        get: operations["job_jobs__job_id__get"];
        /** Stop a job */
        delete: operations["cancel_jobs__job_id__delete"];
    };
    "/jobs/{job_id}/events": {
        /** Progress as server-sent events */
        get: operations["events_jobs__job_id__events_get"];
    };
    "/jobs/{job_id}/retry": {
        /** Try a failed job again */
        post: operations["retry_jobs__job_id__retry_post"];
    };
    "/metrics": {
        /** Numbers for Prometheus */
        get: operations["metrics_metrics_get"];
    };
    "/people": {
        /** People */
        get: operations["people_people_get"];
        /** Add a person */
        post: operations["add_people_post"];
    };
    "/people/{name}": {
        /** A person and their tokens */
        get: operations["person_people__name__get"];
        /** Change role, counties or password, lock out or let in */
        patch: operations["change_people__name__patch"];
    };
    "/people/{name}/tokens": {
        /** Make a token for a person */
        post: operations["token_people__name__tokens_post"];
    };
    "/people/{name}/tokens/{token_id}": {
        /** Revoke a token */
        delete: operations["revoke_people__name__tokens__token_id__delete"];
    };
    "/photos/{number}": {
        /** A photo */
        get: operations["show_photos__number__get"];
        /** Remove a photo */
        delete: operations["remove_photos__number__delete"];
    };
    "/questions": {
        /** The weekly questions and their parameters */
        get: operations["questions_questions_get"];
    };
    "/questions/accepted-not-mapped": {
        /** 已验收未上图与检查不通过 */
        get: operations["question_accepted_not_mapped_questions_accepted_not_mapped_get"];
    };
    "/questions/district": {
        /** 灌区面积与供水距离 */
        get: operations["question_district_questions_district_get"];
    };
    "/questions/hsf-progress": {
        /** 高标准农田进度 */
        get: operations["question_hsf_progress_questions_hsf_progress_get"];
    };
    "/questions/inputs": {
        /** 投入、产量与成本 */
        get: operations["question_inputs_questions_inputs_get"];
    };
    "/questions/land-use-changes": {
        /** 非农化、非粮化变化 */
        get: operations["question_land_use_changes_questions_land_use_changes_get"];
    };
    "/questions/overdue-inspections": {
        /** 管护巡查超期 */
        get: operations["question_overdue_inspections_questions_overdue_inspections_get"];
    };
    "/questions/soil-means": {
        /** 土壤指标平均值与采样进度 */
        get: operations["question_soil_means_questions_soil_means_get"];
    };
    "/questions/still-saline": {
        /** 治理后仍超标的地块 */
        get: operations["question_still_saline_questions_still_saline_get"];
    };
    "/questions/upload-overlaps": {
        /** 新上传与已存图斑的重叠 */
        get: operations["question_upload_overlaps_questions_upload_overlaps_get"];
    };
    "/questions/water": {
        /** 地块来水 */
        get: operations["question_water_questions_water_get"];
    };
    "/revisions": {
        /** Revisions of the data: when, and in which layers */
        get: operations["revisions_revisions_get"];
    };
    "/seals": {
        /** Sealed figures, newest first */
        get: operations["listed_seals_get"];
        /** Seal a total */
        post: operations["create_seals_post"];
    };
    "/seals/{seal_id}": {
        /** A sealed figure with its question and its inputs */
        get: operations["one_seals__seal_id__get"];
    };
    "/seals/{seal_id}/verify": {
        /** Recompute a sealed figure */
        get: operations["check_seals__seal_id__verify_get"];
    };
    "/soil/accuracy": {
        /** Areas and accuracies with intervals from samples */
        post: operations["accuracy_of_a_map_soil_accuracy_post"];
    };
    "/soil/calibrations": {
        /** Calibrations, newest first */
        get: operations["every_soil_calibrations_get"];
        /** Calibrate an index or bands against soil samples */
        post: operations["start_soil_calibrations_post"];
    };
    "/soil/calibrations/{calibration_id}": {
        /** A calibration with its errors */
        get: operations["one_soil_calibrations__calibration_id__get"];
    };
    "/soil/composites": {
        /** Compose scenes: the median of clear observations */
        post: operations["start_soil_composites_post"];
    };
    "/soil/gradings": {
        /** Grading schemes with their sources */
        get: operations["list_gradings_soil_gradings_get"];
    };
    "/soil/gradings/{grading_id}/samples": {
        /** Samples graded by a scheme */
        get: operations["graded_samples_soil_gradings__grading_id__samples_get"];
    };
    "/soil/indices": {
        /** Soil and vegetation indices with their formulas */
        get: operations["list_indices_soil_indices_get"];
    };
    "/soil/masks": {
        /** Masks with the bands they need and their parameter */
        get: operations["list_masks_soil_masks_get"];
    };
    "/soil/means": {
        /** Mean of a map corrected by a random sample */
        post: operations["means_soil_means_post"];
    };
    "/soil/runs": {
        /** Runs, newest first */
        get: operations["every_soil_runs_get"];
        /** Compute areas of salinity grades, or their change between two scenes */
        post: operations["start_soil_runs_post"];
    };
    "/soil/runs/{run_id}": {
        /** A run: state, totals, method */
        get: operations["one_run_soil_runs__run_id__get"];
    };
    "/soil/runs/{run_id}/adjusted": {
        /** Each plot's areas corrected by the error matrix of the map */
        post: operations["adjusted_soil_runs__run_id__adjusted_post"];
    };
    "/soil/runs/{run_id}/areas": {
        /** Areas of the grades by zone or group */
        get: operations["areas_soil_runs__run_id__areas_get"];
    };
    "/soil/runs/{run_id}/change": {
        /** From which grade to which, by zone or group */
        get: operations["change_soil_runs__run_id__change_get"];
    };
    "/soil/runs/{run_id}/intervals": {
        /** Intervals of each plot's areas of grades */
        get: operations["intervals_soil_runs__run_id__intervals_get"];
    };
    "/soil/runs/{run_id}/tiles.json": {
        /** TileJSON and legend of a run's grades */
        get: operations["run_tilejson_soil_runs__run_id__tiles_json_get"];
    };
    "/soil/runs/{run_id}/tiles/{z}/{x}/{y}.png": {
        /** A map tile of a run's grades */
        get: operations["run_tile_soil_runs__run_id__tiles__z___x___y__png_get"];
    };
    "/soil/sample-designs": {
        /** Draw stratified random sample points */
        post: operations["start_soil_sample_designs_post"];
    };
    "/soil/sample-designs/{design_id}": {
        /** A sample design and its strata */
        get: operations["one_soil_sample_designs__design_id__get"];
    };
    "/soil/sample-designs/{design_id}/points": {
        /** The points of a sample design */
        get: operations["points_soil_sample_designs__design_id__points_get"];
    };
    "/soil/sample-sizes": {
        /** How many samples a map needs, by stratum */
        post: operations["sample_sizes_soil_sample_sizes_post"];
    };
    "/soil/scenes": {
        /** Registered scenes as STAC items */
        get: operations["list_scenes_soil_scenes_get"];
        /** Register a scene */
        post: operations["register_soil_scenes_post"];
    };
    "/soil/scenes/{scene_id}": {
        /** A scene as a STAC item */
        get: operations["one_scene_soil_scenes__scene_id__get"];
        /** Delete a scene that no run used */
        delete: operations["delete_soil_scenes__scene_id__delete"];
        /** Retire a scene, or bring it back */
        patch: operations["change_soil_scenes__scene_id__patch"];
    };
    "/soil/scenes/{scene_id}/tiles.json": {
        /** TileJSON and legend of a scene */
        get: operations["scene_tilejson_soil_scenes__scene_id__tiles_json_get"];
    };
    "/soil/scenes/{scene_id}/tiles/{z}/{x}/{y}.png": {
        /** A map tile of a scene */
        get: operations["scene_tile_soil_scenes__scene_id__tiles__z___x___y__png_get"];
    };
    "/targets": {
        /** The programme's targets and where they stand */
        get: operations["targets_targets_get"];
    };
    "/targets/{target_id}": {
        /** One target, with its trend */
        get: operations["target_targets__target_id__get"];
    };
    "/tileMatrixSets": {
        /** Tile matrix sets */
        get: operations["tile_matrix_sets_tileMatrixSets_get"];
    };
    "/tileMatrixSets/{tms}": {
        /** A tile matrix set */
        get: operations["tile_matrix_set_tileMatrixSets__tms__get"];
    };
    "/tiles/{layer}.json": {
        /** TileJSON of a layer */
        get: operations["tilejson_tiles__layer__json_get"];
    };
    "/tiles/{layer}/{z}/{x}/{y}.{kind}": {
        /** A tile */
        get: operations["tile_tiles__layer___z___x___y___kind__get"];
    };
    "/totals": {
        /** Totals of a layer */
        get: operations["totals_totals_get"];
        /** Totals of a layer within a polygon */
        post: operations["totals_within_totals_post"];
    };
    "/totals/definitions": {
        /** Definitions (口径) of totals */
        get: operations["definitions_totals_definitions_get"];
    };
    "/uploads": {
        /** Uploads, newest first */
        get: operations["listed_uploads_get"];
        /** Upload a file for a layer */
        post: operations["upload_uploads_post"];
    };
    "/uploads/{upload_id}": {
        /** An upload and its report */
        get: operations["one_uploads__upload_id__get"];
        /** Discard an upload */
        delete: operations["discard_uploads__upload_id__delete"];
        /** Decide on encoding, CRS, mapping or mode and look again */
        patch: operations["decide_uploads__upload_id__patch"];
    };
    "/uploads/{upload_id}/commit": {
        /** Store the checked features */
        post: operations["commit_uploads__upload_id__commit_post"];
    };
    "/uploads/{upload_id}/file": {
        /** The original file, byte for byte */
        get: operations["original_uploads__upload_id__file_get"];
    };
    "/uploads/{upload_id}/preview": {
        /** The file's rows on the map */
        get: operations["preview_uploads__upload_id__preview_get"];
    };
    "/uploads/{upload_id}/report": {
        /** The report: JSON, workbook or map of faults */
        get: operations["report_uploads__upload_id__report_get"];
    };
    "/uploads/{upload_id}/revert": {
        /** Undo a committed upload */
        post: operations["revert_uploads__upload_id__revert_post"];
    };
    "/uploads/tus": {
        /** Begin a resumable upload */
        post: operations["create_uploads_tus_post"];
        /** What of tus is spoken here */
        options: operations["options_uploads_tus_options"];
    };
    "/uploads/tus/{name}": {
        /** How much of a resumable upload is here */
        get: operations["head_uploads_tus__name__get"];
        /** PATCH or DELETE for clients that cannot */
        post: operations["override_uploads_tus__name__post"];
        /** Give up a resumable upload */
        delete: operations["terminate_uploads_tus__name__delete"];
        /** What of tus is spoken here */
        options: operations["options_of_one_uploads_tus__name__options"];
        /** More bytes of a resumable upload */
        patch: operations["patch_uploads_tus__name__patch"];
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Accuracy
         * @description Counts of samples (rows map, columns reference) and areas of the map.
         *
         *     Where strata are not the classes of the map: ``strata`` and ``samples`` in the
         *     place of ``matrix``.
         */
        Accuracy: {
            /** Classes */
            classes: string[];
            /**
             * Design
             * @description How the samples were chosen.
             * @default unknown
             * @enum {string}
             */
            design: "stratified_random" | "simple_random" | "systematic" | "purposive" | "unknown";
            /**
             * Map Areas
             * @default null
             */
            map_areas: number[] | null;
            /**
             * Matrix
             * @default null
             */
            matrix: number[][] | null;
            /**
             * Pixel Area M2
             * @default null
             */
            pixel_area_m2: number | null;
            /**
             * Samples
             * @default null
             */
            samples: components["schemas"]["Sampled"][] | null;
            /**
             * Strata
             * @default null
             */
            strata: components["schemas"]["Stratum"][] | null;
            /**
             * Unit
             * @default ha
             * @enum {string}
             */
            unit: "pixels" | "m2" | "ha" | "mu";
        };
        /**
         * Adjusted
         * @description Sample counts of the whole map (rows map, columns reference), in the order of the grades.
         */
        Adjusted: {
            /** Matrix */
            matrix: number[][];
            /**
             * Registration M
             * @description Standard error of the image's position.
             * @default 5
             */
            registration_m: number;
        };
        /**
         * Ask
         * @description A total: what is counted, where, grouped by what, and how it is told.
         */
        Ask: {
            /**
             * Adjust
             * @description Control area, in `unit`.
             * @default null
             */
            adjust: number | null;
            /**
             * As Of
             * @default null
             */
            as_of: string | null;
            /**
             * By
             * @description Fields, layer.field, or polygon layers.
             * @default null
             */
            by: string | null;
            /**
             * Definition
             * @description Id of /totals/definitions.
             * @default null
             */
            definition: string | null;
            /**
             * F
             * @default null
             * @enum {string|null}
             */
            f: "json" | "csv" | "xlsx" | "html" | "pdf" | null;
            /**
             * Filter
             * @description CQL2 text.
             * @default null
             */
            filter: string | null;
            /**
             * Layer
             * @default null
             */
            layer: string | null;
            /**
             * Measure
             * @default null
             * @enum {string|null}
             */
            measure: "union" | "sum" | null;
            /**
             * On
             * @description Layers that must all be there.
             * @default null
             */
            on: string | null;
            /**
             * On Filter
             * @description layer:CQL2 text.
             * @default []
             */
            on_filter: string[];
            /**
             * Overlaps
             * @description List the features with overlaps.
             * @default false
             */
            overlaps: boolean;
            /**
             * Round
             * @description Decimals of `reported`.
             * @default null
             */
            round: number | null;
            /**
             * Sums
             * @description Number fields to add up.
             * @default null
             */
            sums: string | null;
            /**
             * Unit
             * @default mu
             * @enum {string}
             */
            unit: "m2" | "ha" | "mu" | "km2";
            /**
             * Within
             * @description layer:key, or a GeoJSON Polygon or MultiPolygon.
             * @default null
             */
            within: (string | {
                [key: string]: unknown;
            }) | null;
        };
        /**
         * Calibrate
         * @description What to calibrate, with which features of which scenes.
         */
        Calibrate: {
            /**
             * @default {
             *       "method": "blocks",
             *       "size_km": 5
             *     }
             */
            cv: components["schemas"]["Folds"];
            /**
             * Dates
             * @description Scenes of a time: start/end.
             * @default null
             */
            dates: string | null;
            /**
             * Days
             * @description Most days between sample and scene.
             * @default 60
             */
            days: number;
            /**
             * @default {
             *       "bottom_cm": 20,
             *       "top_cm": 0
             *     }
             */
            depth: components["schemas"]["Depth"];
            /**
             * Features
             * @description Ids of indices, or keys of bands.
             */
            features: string[];
            /**
             * Log
             * @description Model the logarithm (EC is skewed).
             * @default false
             */
            log: boolean;
            /**
             * Masks
             * @description Of /soil/masks; as for runs when nothing is said.
             * @default null
             */
            masks: string[] | null;
            /**
             * Model
             * @default linear
             * @enum {string}
             */
            model: "linear" | "plsr" | "random_forest";
            /**
             * @default {
             *       "as_of": null,
             *       "filter": null
             *     }
             */
            samples: components["schemas"]["Samples"];
            /**
             * Scenes
             * @description Default: all scenes within `dates`.
             * @default null
             */
            scenes: string[] | null;
            /**
             * Seed
             * @default 0
             */
            seed: number;
            /**
             * Target
             * @description ph, ec_1_5, ece, salt_g_kg, esp_percent, sar.
             */
            target: string;
            /**
             * Window
             * @description Pixels a side that are averaged.
             * @default 1
             * @enum {integer}
             */
            window: 1 | 3 | 5;
        };
        /**
         * Change
         * @description What changes about a person. ``new_password``: a new one is made up and told once.
         */
        Change: {
            /**
             * Counties
             * @description An empty list: all counties.
             * @default null
             */
            counties: string[] | null;
            /**
             * Disabled
             * @default null
             */
            disabled: boolean | null;
            /**
             * New Password
             * @default false
             */
            new_password: boolean;
            /**
             * Role
             * @default null
             * @enum {string|null}
             */
            role: "viewer" | "field" | "agronomist" | "manager" | "admin" | null;
        };
        /**
         * Cuts
         * @description A grading of one's own: limits (a value at a limit belongs to the higher grade).
         */
        Cuts: {
            /** Cuts */
            cuts: number[];
            /** Labels */
            labels: string[];
        };
        /**
         * Decision
         * @description ``merge``: what only one side changed is taken from it, and ``choose`` says, for every
         *     clash, whose value holds.
         */
        Decision: {
            /**
             * Choose
             * @default {}
             */
            choose: {
                [key: string]: "mine" | "theirs";
            };
            /**
             * Take
             * @enum {string}
             */
            take: "mine" | "theirs" | "merge";
        };
        /**
         * Decisions
         * @description Answers to the report's questions; each one wins over any evidence.
         *
         *     ``mapping``: column of the file -> field of the layer, or None to leave it out.
         *     ``source_layer``: a layer of the report, or ``*`` for all of them as one.
         *     ``units``: unit of a column of stated areas.
         *     ``constants``: field -> one value for all rows, for what the file does not carry.
         *     ``identity``: how far stored features are recognised: by key, also by equal shape, also
         *     by similar shape.
         */
        Decisions: {
            /** Constants */
            constants?: {
                [key: string]: string;
            };
            /**
             * Crs
             * @default null
             */
            crs: string | null;
            /** @default null */
            datum_shift: components["schemas"]["Shift"];
            /**
             * Encoding
             * @default null
             */
            encoding: string | null;
            /**
             * Identity
             * @default similarity
             * @enum {string}
             */
            identity: "key" | "geometry" | "similarity";
            /** Mapping */
            mapping?: {
                [key: string]: string | null;
            };
            /**
             * Mode
             * @default null
             * @enum {string|null}
             */
            mode: "append" | "upsert" | "replace" | null;
            /**
             * Repair
             * @default none
             * @enum {string}
             */
            repair: "none" | "structure";
            /**
             * Source Layer
             * @default null
             */
            source_layer: string | null;
            /**
             * Swap Xy
             * @default null
             */
            swap_xy: boolean | null;
            /** Units */
            units?: {
                [key: string]: "mu" | "ha" | "m2" | "km2";
            };
        };
        /** Depth */
        Depth: {
            /**
             * Bottom Cm
             * @default 20
             */
            bottom_cm: number;
            /**
             * Top Cm
             * @default 0
             */
            top_cm: number;
        };
        /**
         * Design
         * @description Strata are the grades of a run's map, or groups of polygons by a field.
         */
        Design: {
            /**
             * By
             * @description Field of the layer that groups.
             * @default null
             */
            by: string | null;
            /**
             * Distance M
             * @description Least distance between points.
             * @default 0
             */
            distance_m: number;
            /**
             * Run
             * @default null
             */
            run: number | null;
            /**
             * Seed
             * @default null
             */
            seed: number | null;
            size: components["schemas"]["Sizing"];
            /** @default null */
            zones: components["schemas"]["Where"];
        };
        /**
         * Feature
         * @description A GeoJSON feature: all properties and the geometry that it shall have.
         */
        Feature: {
            /**
             * Geometry
             * @default null
             */
            geometry: {
                [key: string]: unknown;
            } | null;
            /**
             * Properties
             * @default null
             */
            properties: {
                [key: string]: unknown;
            } | null;
            /**
             * Type
             * @enum {string}
             */
            type: "Feature";
        };
        /**
         * Features
         * @description Several features, created together or not at all.
         */
        Features: {
            /** Features */
            features: components["schemas"]["Feature"][];
            /**
             * Type
             * @enum {string}
             */
            type: "FeatureCollection";
        };
        /**
         * Folds
         * @description What is left out together: blocks of land of so many kilometres, or plots.
         */
        Folds: {
            /**
             * Method
             * @default blocks
             * @enum {string}
             */
            method: "blocks" | "field";
            /**
             * Size Km
             * @description Side of a block.
             * @default 5
             */
            size_km: number;
        };
        /** HTTPValidationError */
        HTTPValidationError: {
            /** Detail */
            detail?: components["schemas"]["ValidationError"][];
        };
        /**
         * Login
         * @description Name and password.
         */
        Login: {
            /** Name */
            name: string;
            /** Password */
            password: string;
        };
        /**
         * Means
         * @description A map's mean, and predictions and observations at the places of a random sample.
         */
        Means: {
            /**
             * Areas
             * @default null
             */
            areas: number[] | null;
            /**
             * Design
             * @default unknown
             * @enum {string}
             */
            design: "simple_random" | "stratified_random" | "systematic" | "purposive" | "unknown";
            /** Map Mean */
            map_mean: number;
            /** Observed */
            observed: number[];
            /** Predicted */
            predicted: number[];
            /**
             * Stratum
             * @default null
             */
            stratum: number[] | null;
        };
        /**
         * NewComposite
         * @description Which scenes, by id or by time and sensor, and what counts as a clear observation.
         */
        NewComposite: {
            /**
             * Bands
             * @description All that every scene has.
             * @default null
             */
            bands: string[] | null;
            /**
             * From
             * Format: date-time
             * @default null
             */
            from: string | null;
            /**
             * Id
             * @default null
             */
            id: string | null;
            /**
             * Masks
             * @description Of /soil/masks; the scenes' own classes when left out.
             * @default null
             */
            masks: string[] | null;
            /**
             * Name
             * @default null
             */
            name: string | null;
            /**
             * Persistence
             * @description Dates on which a pixel must be as bright to count as soil although it is classed as cloud or snow (3 is usual); 0: never.
             * @default 0
             */
            persistence: number;
            /**
             * Scenes
             * @default null
             */
            scenes: string[] | null;
            /**
             * Sensor
             * @default null
             * @enum {string|null}
             */
            sensor: "sentinel-2-l2a" | "landsat-c2-l2" | "custom" | null;
            /**
             * To
             * Format: date-time
             * @default null
             */
            to: string | null;
            /**
             * Window
             * @description First and last day of each year that count, e.g. 04-10 and 05-25.
             * @default null
             */
            window: [
                string,
                string
            ] | null;
        };
        /**
         * NewPassword
         * @description The password as it is, and as it shall be.
         */
        NewPassword: {
            /** New */
            new: string;
            /** Old */
            old: string;
        };
        /**
         * NewPerson
         * @description Somebody new; without a password one is made up and told once.
         */
        NewPerson: {
            /**
             * Counties
             * @default []
             */
            counties: string[];
            /** Name */
            name: string;
            /**
             * Password
             * @default null
             */
            password: string | null;
            /**
             * Role
             * @enum {string}
             */
            role: "viewer" | "field" | "agronomist" | "manager" | "admin";
        };
        /**
         * NewScene
         * @description A file or a STAC item below the raster root, or one file a band.
         */
        NewScene: {
            /**
             * Bands
             * @description Keys in the order of the file (B,G,R,N,...); or key -> band number; or, without href, key -> file; or, of a STAC item, key -> asset.
             * @default null
             */
            bands: (string | (string | null)[] | {
                [key: string]: number;
            } | {
                [key: string]: string;
            }) | null;
            /**
             * Baseline
             * @description Sentinel-2: processing baseline, e.g. 05.09.
             * @default null
             */
            baseline: string | null;
            /**
             * Datetime
             * Format: date-time
             * @description When the image was taken.
             * @default null
             */
            datetime: string | null;
            /**
             * Href
             * @description A raster or a STAC item below the raster root, or s3://...
             * @default null
             */
            href: string | null;
            /**
             * Id
             * @description Its id here; from the name when nothing is said.
             * @default null
             */
            id: string | null;
            /**
             * Name
             * @description Its name for people.
             * @default null
             */
            name: string | null;
            /**
             * Nodata
             * @description The number that means no data.
             * @default null
             */
            nodata: number | null;
            /**
             * Offset
             * @default null
             */
            offset: number | null;
            /**
             * Offset Applied
             * @description Sentinel-2: whether the provider has taken the offset off already.
             * @default auto
             * @enum {string}
             */
            offset_applied: "auto" | "yes" | "no";
            /**
             * Scale
             * @description Reflectance = number * scale + offset.
             * @default null
             */
            scale: number | null;
            /**
             * Sensor
             * @default null
             * @enum {string|null}
             */
            sensor: "sentinel-2-l2a" | "landsat-c2-l2" | "custom" | null;
        };
        /**
         * NewToken
         * @description What a token may do: at most what its person may.
         */
        NewToken: {
            /**
             * Counties
             * @description Only these county codes.
             * @default null
             */
            counties: string[] | null;
            /**
             * Days
             * @description Until it expires.
             * @default 90
             */
            days: number;
            /**
             * Label
             * @description What it is for.
             */
            label: string;
            /**
             * Layers
             * @description Only these layers.
             * @default null
             */
            layers: string[] | null;
            /**
             * Role
             * @description At most the person's own.
             * @default null
             */
            role: string | null;
        };
        /**
         * Patch
         * @description What changes, as a merge patch (RFC 7386): null empties a property.
         */
        Patch: {
            /**
             * Geometry
             * @default null
             */
            geometry: {
                [key: string]: unknown;
            } | null;
            /**
             * Properties
             * @default {}
             */
            properties: {
                [key: string]: unknown;
            };
        };
        Problem: {
            code: string;
            detail: string;
            fix?: string;
            status: number;
            title: string;
            type: string;
            where?: string;
        };
        /**
         * Retired
         * @description What may be changed of a scene.
         */
        Retired: {
            /** Retired */
            retired: boolean;
        };
        /**
         * Run
         * @description What to compute: of one scene, or the change between two.
         */
        Run: {
            /**
             * Across Seasons
             * @description Compare scenes of different seasons all the same; the answer warns.
             * @default false
             */
            across_seasons: boolean;
            /**
             * After
             * @default null
             */
            after: string | null;
            /**
             * Before
             * @default null
             */
            before: string | null;
            /** Grading */
            grading: string | components["schemas"]["Cuts"];
            /**
             * Index
             * @description Formula id of /soil/indices.
             * @default null
             */
            index: string | null;
            /**
             * Masks
             * @description Of /soil/masks: rules of what is not bare soil, `name` or `name:parameter`. Cloud, shadow, water and plants, as far as the bands tell, when nothing is said.
             * @default null
             */
            masks: string[] | null;
            /**
             * Model
             * @description Id of a calibration.
             * @default null
             */
            model: number | null;
            /**
             * Scene
             * @default null
             */
            scene: string | null;
            /**
             * Splits
             * @description Polygon layers at whose edges zones are cut.
             * @default null
             */
            splits: string[] | null;
            zones: components["schemas"]["Zones"];
        };
        /**
         * Sampled
         * @description Samples of one kind: where drawn, what the map says, what was found there.
         */
        Sampled: {
            /**
             * Count
             * @default 1
             */
            count: number;
            /** Map */
            map: string;
            /** Reference */
            reference: string;
            /** Stratum */
            stratum: string;
        };
        /**
         * Samples
         * @description Samples of the layer, chosen by a CQL2 filter.
         */
        Samples: {
            /**
             * As Of
             * @default null
             */
            as_of: number | null;
            /**
             * Filter
             * @default null
             */
            filter: string | null;
        };
        /**
         * Sealing
         * @description A total to seal, and what it is called.
         */
        Sealing: {
            /**
             * Adjust
             * @description Control area, in `unit`.
             * @default null
             */
            adjust: number | null;
            /**
             * As Of
             * @default null
             */
            as_of: string | null;
            /**
             * By
             * @description Fields, layer.field, or polygon layers.
             * @default null
             */
            by: string | null;
            /**
             * Definition
             * @description Id of /totals/definitions.
             * @default null
             */
            definition: string | null;
            /**
             * F
             * @default null
             * @enum {string|null}
             */
            f: "json" | "csv" | "xlsx" | "html" | "pdf" | null;
            /**
             * Filter
             * @description CQL2 text.
             * @default null
             */
            filter: string | null;
            /**
             * Layer
             * @default null
             */
            layer: string | null;
            /**
             * Measure
             * @default null
             * @enum {string|null}
             */
            measure: "union" | "sum" | null;
            /**
             * On
             * @description Layers that must all be there.
             * @default null
             */
            on: string | null;
            /**
             * On Filter
             * @description layer:CQL2 text.
             * @default []
             */
            on_filter: string[];
            /**
             * Overlaps
             * @description List the features with overlaps.
             * @default false
             */
            overlaps: boolean;
            /**
             * Round
             * @description Decimals of `reported`.
             * @default null
             */
            round: number | null;
            /**
             * Sums
             * @description Number fields to add up.
             * @default null
             */
            sums: string | null;
            /**
             * Title
             * @description What the figure is.
             */
            title: string;
            /**
             * Unit
             * @default mu
             * @enum {string}
             */
            unit: "m2" | "ha" | "mu" | "km2";
            /**
             * Within
             * @description layer:key, or a GeoJSON Polygon or MultiPolygon.
             * @default null
             */
            within: (string | {
                [key: string]: unknown;
            }) | null;
        };
        /**
         * Shift
         * @description Datum shift parameters to CGCS2000, as `geo.crs.DatumShift`: metres, arc-seconds, ppm.
         */
        Shift: {
            /**
             * Convention
             * @default null
             * @enum {string|null}
             */
            convention: "coordinate_frame" | "position_vector" | null;
            /** Dx */
            dx: number;
            /** Dy */
            dy: number;
            /** Dz */
            dz: number;
            /**
             * Ppm
             * @default 0
             */
            ppm: number;
            /**
             * Rx
             * @default 0
             */
            rx: number;
            /**
             * Ry
             * @default 0
             */
            ry: number;
            /**
             * Rz
             * @default 0
             */
            rz: number;
        };
        /**
         * Size
         * @description Expected user's accuracies, and the standard error of overall accuracy that is wanted.
         */
        Size: {
            /**
             * Allocation
             * @default proportional
             * @enum {string}
             */
            allocation: "proportional" | "equal" | "optimal";
            /** Classes */
            classes: string[];
            /** Map Areas */
            map_areas: number[];
            /**
             * Minimum
             * @description Fewest samples of a stratum.
             * @default 50
             */
            minimum: number;
            /**
             * Overall Se
             * @default 0.01
             */
            overall_se: number;
            /** Users */
            users: number[];
        };
        /**
         * Sizing
         * @description ``count`` points, or as many as a standard error of overall accuracy takes.
         */
        Sizing: {
            /**
             * Allocation
             * @default proportional
             * @enum {string}
             */
            allocation: "proportional" | "equal" | "optimal";
            /**
             * Count
             * @default null
             */
            count: number | null;
            /**
             * Minimum
             * @description Fewest points of a stratum.
             * @default 2
             */
            minimum: number;
            /**
             * Overall Se
             * @default 0.01
             */
            overall_se: number;
            /**
             * Users
             * @description Expected user's accuracy of each stratum, in order.
             * @default null
             */
            users: number[] | null;
        };
        /** Stratum */
        Stratum: {
            /** Area */
            area: number;
            /** Name */
            name: string;
        };
        /** ValidationError */
        ValidationError: {
            /** Context */
            ctx?: Record<string, never>;
            /** Input */
            input?: unknown;
            /** Location */
            loc: (string | number)[];
            /** Message */
            msg: string;
            /** Error Type */
            type: string;
        };
        /**
         * Version
         * @description Which version to bring back; the last one before the deletion when none is named.
         */
        Version: {
            /**
             * Version
             * @default null
             */
            version: number | null;
        };
        /**
         * Where
         * @description Polygons of a layer, chosen by a CQL2 filter.
         */
        Where: {
            /**
             * As Of
             * @default null
             */
            as_of: number | null;
            /**
             * Filter
             * @default null
             */
            filter: string | null;
            /** Layer */
            layer: string;
        };
        /**
         * Zones
         * @description Features of a layer, chosen by a CQL2 filter; or polygons drawn for this question.
         */
        Zones: {
            /**
             * As Of
             * @description A revision or a date-time.
             * @default null
             */
            as_of: (number | string) | null;
            /**
             * Filter
             * @default null
             */
            filter: string | null;
            /**
             * Geometries
             * @description A GeoJSON FeatureCollection of polygons, lon/lat.
             * @default null
             */
            geometries: {
                [key: string]: unknown;
            } | null;
            /**
             * Layer
             * @default null
             */
            layer: string | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    landing__get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "text/html": unknown;
                };
            };
        };
    };
    api_api_get: {
        responses: {
            200: {
                content: {
                    "application/vnd.oai.openapi+json;version=3.0": unknown;
                };
            };
        };
    };
    audit_audit_get: {
        parameters: {
            query?: {
                /** @description After this seq: paging. */
                after?: number;
                /** @description Of this person. */
                author?: string;
                /** @description Changes of this feature (with layer). */
                fid?: number;
                /** @description Of this layer. */
                layer?: string;
                limit?: number;
                /** @description After this revision or time. */
                since?: string;
                /** @description Up to this revision or time. */
                until?: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    verify_audit_verify_get: {
        parameters: {
            query?: {
                /** @description Areas and the spatial index as well. */
                deep?: boolean;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    login_auth_login_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    logout_auth_logout_post: {
        responses: {
            204: {
            };
        };
    };
    me_auth_me_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    password_auth_password_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewPassword"];
            };
        };
        responses: {
            204: {
            };
        };
    };
    tokens_auth_tokens_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    new_token_auth_tokens_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            201: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    revoke_auth_tokens__token_id__delete: {
        parameters: {
            path: {
                token_id: number;
            };
        };
        responses: {
            204: {
            };
        };
    };
    collections_collections_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    collection_collections__layer__get: {
        parameters: {
            path: {
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    items_collections__layer__items_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description Bounds to meet. */
                bbox?: string;
                /** @description CRS of bbox. */
                "bbox-crs"?: string;
                /** @description landtxt: the closing point repeats the first label, takes the next one, or is left out. */
                closing?: "repeat" | "next" | "none";
                /** @description CRS of coordinates. */
                crs?: string;
                /** @description Instant or interval. */
                datetime?: string;
                /** @description Shift for AMap, Tencent (gcj02), Baidu (bd09) maps. */
                datum?: "gcj02" | "bd09";
                /** @description GeoJSON of all matching features as a file, not of a page. */
                download?: boolean;
                /** @description Text of shp and landtxt; gbk unless told. */
                encoding?: "gbk" | "utf-8" | "utf-8-sig";
                /** @description geojson (a page), or a file with all matching rows. */
                f?: ("geojson" | "json") | ("csv" | "xlsx" | "gpkg" | "fgb" | "parquet" | "shp" | "kml" | "landtxt");
                /** @description CQL2 text or JSON. */
                filter?: string;
                /** @description CRS of its geometries. */
                "filter-crs"?: string;
                /** @description Language of filter. */
                "filter-lang"?: "cql2-text" | "cql2-json";
                /** @description Features a page, at most 10,000. */
                limit?: number;
                /** @description Token of the next page. */
                next?: string;
                /** @description Skip these. */
                offset?: number;
                /** @description landtxt: decimals of coordinates. */
                precision?: number;
                /** @description landtxt: whether eastings begin with the zone. */
                prefix?: boolean;
                /** @description Only these properties. */
                properties?: string;
                /** @description Words in names and codes. */
                q?: string;
                /** @description hits: only the count. */
                resulttype?: "results" | "hits";
                /** @description Leave geometries out. */
                skipGeometry?: boolean;
                /** @description Properties; - for descending. */
                sortby?: string;
                /** @description landtxt: rings as stored, or clockwise from the north-west. */
                start?: "as_is" | "nw";
                /** @description landtxt: Gauss-Krueger zone; else that of the data. */
                zone?: number;
            };
            path: {
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/flatgeobuf": unknown;
                    "application/geo+json": unknown;
                    "application/geopackage+sqlite3": unknown;
                    "application/vnd.apache.parquet": unknown;
                    "application/vnd.google-earth.kml+xml": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                    "application/zip": unknown;
                    "text/csv": unknown;
                    "text/plain": unknown;
                };
            };
        };
    };
    create_collections__layer__items_post: {
        parameters: {
            query?: {
                /** @description 为什么修改, 记入历史 / Why; kept in the history. */
                reason?: string;
            };
            path: {
                layer: string;
            };
        };
        requestBody: {
            content: {
                "application/geo+json": components["schemas"]["Feature"] | components["schemas"]["Features"];
                "application/json": components["schemas"]["Feature"] | components["schemas"]["Features"];
            };
        };
        responses: {
            201: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    item_collections__layer__items__fid__get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description CRS of coordinates. */
                crs?: string;
                /** @description Shift for GCJ-02 or BD-09 maps. */
                datum?: "gcj02" | "bd09";
            };
            path: {
                fid: number;
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                };
            };
        };
    };
    replace_collections__layer__items__fid__put: {
        parameters: {
            query?: {
                /** @description 版本已过时时: 拒绝(412), 或保留此修改待处理(409) / A stale edit is refused (412), or kept for a decision (409). */
                on_conflict?: "refuse" | "keep";
                /** @description 为什么修改, 记入历史 / Why; kept in the history. */
                reason?: string;
            };
            path: {
                fid: number;
                layer: string;
            };
        };
        requestBody: {
            content: {
                "application/geo+json": components["schemas"]["Feature"];
                "application/json": components["schemas"]["Feature"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    delete_collections__layer__items__fid__delete: {
        parameters: {
            query?: {
                /** @description 版本已过时时: 拒绝(412), 或保留此修改待处理(409) / A stale edit is refused (412), or kept for a decision (409). */
                on_conflict?: "refuse" | "keep";
                /** @description 为什么修改, 记入历史 / Why; kept in the history. */
                reason?: string;
            };
            path: {
                fid: number;
                layer: string;
            };
        };
        responses: {
            204: {
            };
        };
    };
    update_collections__layer__items__fid__patch: {
        parameters: {
            query?: {
                /** @description 版本已过时时: 拒绝(412), 或保留此修改待处理(409) / A stale edit is refused (412), or kept for a decision (409). */
                on_conflict?: "refuse" | "keep";
                /** @description 为什么修改, 记入历史 / Why; kept in the history. */
                reason?: string;
            };
            path: {
                fid: number;
                layer: string;
            };
        };
        requestBody: {
            content: {
                "application/geo+json": components["schemas"]["Patch"];
                "application/json": components["schemas"]["Patch"];
                "application/merge-patch+json": components["schemas"]["Patch"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    history_collections__layer__items__fid__history_get: {
        parameters: {
            path: {
                fid: number;
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    of_feature_collections__layer__items__fid__photos_get: {
        parameters: {
            path: {
                fid: number;
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    add_collections__layer__items__fid__photos_post: {
        parameters: {
            path: {
                fid: number;
                layer: string;
            };
        };
        requestBody: {
            content: {
                "image/jpeg": string;
                "image/png": string;
                "image/webp": string;
            };
        };
        responses: {
            201: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    restore_collections__layer__items__fid__restore_post: {
        parameters: {
            query?: {
                /** @description 为什么修改, 记入历史 / Why; kept in the history. */
                reason?: string;
            };
            path: {
                fid: number;
                layer: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Version"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    series_collections__layer__items__fid__series_get: {
        parameters: {
            query: {
                /** @description Formula id of /soil/indices. */
                index: string;
                /** @description Of /soil/masks, with commas; else what fits the scene. */
                mask?: string;
            };
            path: {
                fid: number;
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    queryables_collections__layer__queryables_get: {
        parameters: {
            path: {
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/schema+json": unknown;
                };
            };
        };
    };
    schema_collections__layer__schema_get: {
        parameters: {
            path: {
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/schema+json": unknown;
                };
            };
        };
    };
    sortables_collections__layer__sortables_get: {
        parameters: {
            path: {
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/schema+json": unknown;
                };
            };
        };
    };
    tilesets_collections__layer__tiles_get: {
        parameters: {
            path: {
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    tileset_collections__layer__tiles__tms__get: {
        parameters: {
            path: {
                layer: string;
                /** @description Tile matrix set. */
                tms: "WebMercatorQuad" | "WorldCRS84Quad";
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    tileset_tile_collections__layer__tiles__tms___z___row___col__get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description Bounds to meet. */
                bbox?: string;
                /** @description CRS of bbox. */
                "bbox-crs"?: string;
                /** @description Instant or interval. */
                datetime?: string;
                /** @description Shift for AMap, Tencent (gcj02), Baidu (bd09) maps; approximate. */
                datum?: "gcj02" | "bd09";
                /** @description mvt unless Accept prefers GeoJSON. */
                f?: "mvt" | "geojson";
                /** @description CQL2 text or JSON. */
                filter?: string;
                /** @description CRS of its geometries. */
                "filter-crs"?: string;
                /** @description Language of filter. */
                "filter-lang"?: "cql2-text" | "cql2-json";
                /** @description Only these properties. */
                properties?: string;
                /** @description Words in names and codes. */
                q?: string;
                /** @description Revision; makes the answer cacheable. */
                v?: string;
            };
            path: {
                /** @description Column. */
                col: number;
                layer: string;
                /** @description Row from the top: before the column. */
                row: number;
                /** @description Tile matrix set. */
                tms: "WebMercatorQuad" | "WorldCRS84Quad";
                /** @description Tile matrix (zoom). */
                z: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                    "application/vnd.mapbox-vector-tile": unknown;
                };
            };
            204: {
            };
        };
    };
    every_conflicts_get: {
        parameters: {
            query?: {
                layer?: string;
                state?: "open" | "mine" | "theirs" | "merged";
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    one_conflicts__number__get: {
        parameters: {
            path: {
                number: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    resolve_conflicts__number__resolve_post: {
        parameters: {
            path: {
                number: number;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Decision"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    conformance_conformance_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    live_health_live_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    ready_health_ready_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    jobs_jobs_get: {
        parameters: {
            query?: {
                /** @description upload, soil.run, ... */
                kind?: string;
                limit?: number;
                /** @description One or more states. */
                state?: ("queued" | "running" | "done" | "failed" | "cancelled")[];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    job_jobs__job_id__get: {
        parameters: {
            path: {
                job_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    cancel_jobs__job_id__delete: {
        parameters: {
            path: {
                job_id: number;
            };
        };
        responses: {
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    events_jobs__job_id__events_get: {
        parameters: {
            path: {
                job_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "text/event-stream": unknown;
                };
            };
        };
    };
    retry_jobs__job_id__retry_post: {
        parameters: {
            path: {
                job_id: number;
            };
        };
        responses: {
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    metrics_metrics_get: {
        responses: {
            200: {
                content: {
                    "text/plain": unknown;
                };
            };
        };
    };
    people_people_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    add_people_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewPerson"];
            };
        };
        responses: {
            201: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    person_people__name__get: {
        parameters: {
            path: {
                name: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    change_people__name__patch: {
        parameters: {
            path: {
                name: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Change"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    token_people__name__tokens_post: {
        parameters: {
            path: {
                name: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            201: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    revoke_people__name__tokens__token_id__delete: {
        parameters: {
            path: {
                name: string;
                token_id: number;
            };
        };
        responses: {
            204: {
            };
        };
    };
    show_photos__number__get: {
        parameters: {
            query?: {
                /** @description small: 480 pixels. */
                size?: "full" | "small";
            };
            path: {
                number: number;
            };
        };
        responses: {
            200: {
                content: {
                    "image/jpeg": unknown;
                    "image/png": unknown;
                    "image/webp": unknown;
                };
            };
        };
    };
    remove_photos__number__delete: {
        parameters: {
            path: {
                number: number;
            };
        };
        responses: {
            204: {
            };
        };
    };
    questions_questions_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    question_accepted_not_mapped_questions_accepted_not_mapped_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description 县(市、区)代码 / County code. */
                county?: string;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
                /** @description 面积差允许值, % / Accepted difference of areas, percent. */
                tolerance?: number;
                /** @description 建设年度 / Programme year. */
                year?: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    question_district_questions_district_get: {
        parameters: {
            query: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description 距渠道, 米 / Distance from a canal, metres. */
                distance?: number;
                /** @description 灌区编号 / Code of the district. */
                district: string;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    question_hsf_progress_questions_hsf_progress_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description 县(市、区)代码 / County code. */
                county?: string;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
                /** @description 与哪一天相比, 默认一周前 / Compared with; a week ago. */
                since?: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    question_inputs_questions_inputs_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description 县(市、区)代码 / County code. */
                county?: string;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
                /** @description 年份, 默认全部 / Year; all. */
                year?: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    question_land_use_changes_questions_land_use_changes_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description 县(市、区)代码 / County code. */
                county?: string;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
                /** @description 比较起始日期, 默认一年前 / Compared with; a year ago. */
                since?: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    question_overdue_inspections_questions_overdue_inspections_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description 县(市、区)代码 / County code. */
                county?: string;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
                /** @description 建筑物类型 / Kind of structure. */
                kind?: string;
                /** @description 截止日期, 默认今天 / Day that counts; today. */
                on?: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    question_soil_means_questions_soil_means_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description 县(市、区)代码 / County code. */
                county?: string;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
                /** @description 采样年份, 默认最近一年 / Year; the newest by default. */
                year?: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    question_still_saline_questions_still_saline_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description 县(市、区)代码 / County code. */
                county?: string;
                /** @description ESP 下限, % / Least ESP, percent. */
                esp?: number;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
                /** @description pH 下限 / Least pH. */
                ph?: number;
                /** @description 治理年数 / Years of remediation. */
                years?: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    question_upload_overlaps_questions_upload_overlaps_get: {
        parameters: {
            query: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
                /** @description 上传编号 / Number of the upload. */
                upload: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    question_water_questions_water_get: {
        parameters: {
            query: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description json or xlsx. */
                f?: "json" | "xlsx";
                /** @description 治理地块编号 / Code of the plot. */
                plot: string;
                /** @description 年份, 默认全部 / Year; all. */
                year?: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    revisions_revisions_get: {
        parameters: {
            query?: {
                /** @description Only those that changed this layer. */
                layer?: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    listed_seals_get: {
        parameters: {
            query?: {
                limit?: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    create_seals_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["Sealing"];
            };
        };
        responses: {
            201: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    one_seals__seal_id__get: {
        parameters: {
            path: {
                seal_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    check_seals__seal_id__verify_get: {
        parameters: {
            path: {
                seal_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    accuracy_of_a_map_soil_accuracy_post: {
        parameters: {
            query?: {
                f?: "json" | "xlsx";
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Accuracy"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    every_soil_calibrations_get: {
        parameters: {
            query?: {
                limit?: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    start_soil_calibrations_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["Calibrate"];
            };
        };
        responses: {
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    one_soil_calibrations__calibration_id__get: {
        parameters: {
            query?: {
                /** @description geojson: the samples as points with residuals. */
                f?: "json" | "geojson";
            };
            path: {
                calibration_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                    "application/json": unknown;
                };
            };
        };
    };
    start_soil_composites_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewComposite"];
            };
        };
        responses: {
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    list_gradings_soil_gradings_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    graded_samples_soil_gradings__grading_id__samples_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description Bounds to meet. */
                bbox?: string;
                /** @description CRS of bbox. */
                "bbox-crs"?: string;
                /** @description Instant or interval. */
                datetime?: string;
                f?: "json" | "csv" | "xlsx";
                /** @description CQL2 text or JSON. */
                filter?: string;
                /** @description CRS of its geometries. */
                "filter-crs"?: string;
                /** @description Language of filter. */
                "filter-lang"?: "cql2-text" | "cql2-json";
                /** @description Rows of JSON. */
                limit?: number;
                /** @description Words in names and codes. */
                q?: string;
            };
            path: {
                grading_id: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                    "text/csv": unknown;
                };
            };
        };
    };
    list_indices_soil_indices_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    list_masks_soil_masks_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    means_soil_means_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["Means"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    every_soil_runs_get: {
        parameters: {
            query?: {
                limit?: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    start_soil_runs_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["Run"];
            };
        };
        responses: {
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    one_run_soil_runs__run_id__get: {
        parameters: {
            path: {
                run_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    adjusted_soil_runs__run_id__adjusted_post: {
        parameters: {
            path: {
                run_id: number;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Adjusted"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    areas_soil_runs__run_id__areas_get: {
        parameters: {
            query?: {
                /** @description zone, a field of the layer, or a layer of `splits`. */
                by?: string;
                f?: "json" | "csv" | "xlsx";
            };
            path: {
                run_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                    "text/csv": unknown;
                };
            };
        };
    };
    change_soil_runs__run_id__change_get: {
        parameters: {
            query?: {
                /** @description zone, a field of the layer, or a layer of `splits`. */
                by?: string;
                f?: "json" | "csv" | "xlsx";
            };
            path: {
                run_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                    "text/csv": unknown;
                };
            };
        };
    };
    intervals_soil_runs__run_id__intervals_get: {
        parameters: {
            query?: {
                f?: "json" | "csv";
            };
            path: {
                run_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "text/csv": unknown;
                };
            };
        };
    };
    run_tilejson_soil_runs__run_id__tiles_json_get: {
        parameters: {
            query?: {
                /** @description Pixels a side; 512 for fine screens. */
                size?: "256" | "512";
            };
            path: {
                run_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    run_tile_soil_runs__run_id__tiles__z___x___y__png_get: {
        parameters: {
            query?: {
                /** @description Pixels a side; 512 for fine screens. */
                size?: "256" | "512";
                /** @description From the TileJSON; makes the answer cacheable. */
                v?: string;
            };
            path: {
                run_id: number;
                /** @description Column. */
                x: number;
                /** @description Row from the top. */
                y: number;
                /** @description Zoom. */
                z: number;
            };
        };
        responses: {
            200: {
                content: {
                    "image/png": unknown;
                };
            };
        };
    };
    start_soil_sample_designs_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["Design"];
            };
        };
        responses: {
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    one_soil_sample_designs__design_id__get: {
        parameters: {
            path: {
                design_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    points_soil_sample_designs__design_id__points_get: {
        parameters: {
            query?: {
                /** @description Of the shapefile's texts. */
                encoding?: "gbk" | "utf-8";
                f?: "geojson" | "kml" | "shp" | "csv";
            };
            path: {
                design_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                    "application/vnd.google-earth.kml+xml": unknown;
                    "application/zip": unknown;
                    "text/csv": unknown;
                };
            };
        };
    };
    sample_sizes_soil_sample_sizes_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["Size"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    list_scenes_soil_scenes_get: {
        parameters: {
            query?: {
                /** @description Retired ones instead. */
                retired?: boolean;
                sensor?: "sentinel-2-l2a" | "landsat-c2-l2" | "custom";
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                };
            };
        };
    };
    register_soil_scenes_post: {
        parameters: {
            query?: {
                /** @description B,G,R,N,... in order. */
                bands?: string;
                baseline?: string;
                /** @description With time zone. */
                datetime?: string;
                /** @description Of an upload: its id. */
                id?: string;
                /** @description Its name. */
                name?: string;
                nodata?: string;
                offset?: string;
                offset_applied?: "auto" | "yes" | "no";
                scale?: string;
                sensor?: "sentinel-2-l2a" | "landsat-c2-l2" | "custom";
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewScene"];
            };
        };
        responses: {
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    one_scene_soil_scenes__scene_id__get: {
        parameters: {
            path: {
                scene_id: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                };
            };
        };
    };
    delete_soil_scenes__scene_id__delete: {
        parameters: {
            path: {
                scene_id: string;
            };
        };
        responses: {
            204: {
            };
        };
    };
    change_soil_scenes__scene_id__patch: {
        parameters: {
            path: {
                scene_id: string;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Retired"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                };
            };
        };
    };
    scene_tilejson_soil_scenes__scene_id__tiles_json_get: {
        parameters: {
            query?: {
                /** @description Composite of 1 or 3 bands: R,G,B (default), N,R,G, ... */
                bands?: string;
                /** @description Formula id of /soil/indices; else a composite. */
                index?: string;
                /** @description Of /soil/masks, with commas: scl,water,vegetation:0.35. */
                mask?: string;
                /** @description low,high of the colour scale of an index. */
                range?: string;
                /** @description Pixels a side; 512 for fine screens. */
                size?: "256" | "512";
            };
            path: {
                scene_id: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    scene_tile_soil_scenes__scene_id__tiles__z___x___y__png_get: {
        parameters: {
            query?: {
                /** @description Composite of 1 or 3 bands: R,G,B (default), N,R,G, ... */
                bands?: string;
                /** @description Formula id of /soil/indices; else a composite. */
                index?: string;
                /** @description Of /soil/masks, with commas: scl,water,vegetation:0.35. */
                mask?: string;
                /** @description low,high of the colour scale of an index. */
                range?: string;
                /** @description Pixels a side; 512 for fine screens. */
                size?: "256" | "512";
                /** @description From the TileJSON; makes the answer cacheable. */
                v?: string;
            };
            path: {
                scene_id: string;
                /** @description Column. */
                x: number;
                /** @description Row from the top. */
                y: number;
                /** @description Zoom. */
                z: number;
            };
        };
        responses: {
            200: {
                content: {
                    "image/png": unknown;
                };
            };
        };
    };
    targets_targets_get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    target_targets__target_id__get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description Months of the trend: the last state of each. */
                months?: number;
            };
            path: {
                target_id: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    tile_matrix_sets_tileMatrixSets_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    tile_matrix_set_tileMatrixSets__tms__get: {
        parameters: {
            path: {
                /** @description Tile matrix set. */
                tms: "WebMercatorQuad" | "WorldCRS84Quad";
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    tilejson_tiles__layer__json_get: {
        parameters: {
            path: {
                layer: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    tile_tiles__layer___z___x___y___kind__get: {
        parameters: {
            query?: {
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description Bounds to meet. */
                bbox?: string;
                /** @description CRS of bbox. */
                "bbox-crs"?: string;
                /** @description Instant or interval. */
                datetime?: string;
                /** @description Shift for AMap, Tencent (gcj02), Baidu (bd09) maps; approximate. */
                datum?: "gcj02" | "bd09";
                /** @description CQL2 text or JSON. */
                filter?: string;
                /** @description CRS of its geometries. */
                "filter-crs"?: string;
                /** @description Language of filter. */
                "filter-lang"?: "cql2-text" | "cql2-json";
                /** @description Only these properties. */
                properties?: string;
                /** @description Words in names and codes. */
                q?: string;
                /** @description Revision; makes the answer cacheable. */
                v?: string;
            };
            path: {
                kind: "mvt" | "geojson";
                layer: string;
                /** @description Column. */
                x: number;
                /** @description Row from the top. */
                y: number;
                /** @description Zoom. */
                z: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                    "application/vnd.mapbox-vector-tile": unknown;
                };
            };
            204: {
            };
        };
    };
    totals_totals_get: {
        parameters: {
            query?: {
                /** @description Control area in `unit`: 面积平差. */
                adjust?: number;
                /** @description A revision number or a date-time: the data as it was. */
                as_of?: string;
                /** @description Bounds to meet. */
                bbox?: string;
                /** @description CRS of bbox. */
                "bbox-crs"?: string;
                /** @description Fields, layer.field of a layer in `on`, or polygon layers at whose edges features are cut. */
                by?: string;
                /** @description Instant or interval. */
                datetime?: string;
                /** @description 口径: an id of /totals/definitions. */
                definition?: string;
                f?: "json" | "csv" | "xlsx" | "html" | "pdf";
                /** @description CQL2 text or JSON. */
                filter?: string;
                /** @description CRS of its geometries. */
                "filter-crs"?: string;
                /** @description Language of filter. */
                "filter-lang"?: "cql2-text" | "cql2-json";
                layer?: string;
                /** @description union (default): overlaps counted once. */
                measure?: "union" | "sum";
                /** @description Layers that must all cover the land. */
                on?: string;
                /** @description layer:CQL2 text, for layers of `on`. */
                on_filter?: string[];
                /** @description List the features with overlaps. */
                overlaps?: boolean;
                /** @description Words in names and codes. */
                q?: string;
                /** @description Decimals of `reported`, in `unit`. */
                round?: number;
                /** @description Number fields to add up. */
                sums?: string;
                /** @description Unit of `value`. */
                unit?: "m2" | "ha" | "mu" | "km2";
                /** @description layer:key, e.g. districts:DA2. */
                within?: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/pdf": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                    "text/csv": unknown;
                    "text/html": unknown;
                };
            };
        };
    };
    totals_within_totals_post: {
        requestBody: {
            content: {
                "application/json": components["schemas"]["Ask"];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                    "application/pdf": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                    "text/csv": unknown;
                    "text/html": unknown;
                };
            };
        };
    };
    definitions_totals_definitions_get: {
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    listed_uploads_get: {
        parameters: {
            query?: {
                layer?: string;
                limit?: number;
                /** @description One or more states. */
                state?: ("inspecting" | "needs_input" | "ready" | "committing" | "committed" | "rejected" | "reverted" | "discarded")[];
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    upload_uploads_post: {
        parameters: {
            query: {
                /** @description File name, when no header gives it. */
                filename?: string;
                /** @description Look at it anew, even if the same file is here already. */
                force?: boolean;
                /** @description The layer it is meant for. */
                layer: string;
            };
        };
        responses: {
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    one_uploads__upload_id__get: {
        parameters: {
            path: {
                upload_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    discard_uploads__upload_id__delete: {
        parameters: {
            path: {
                upload_id: number;
            };
        };
        responses: {
            204: {
            };
        };
    };
    decide_uploads__upload_id__patch: {
        parameters: {
            path: {
                upload_id: number;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Decisions"];
            };
        };
        responses: {
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    commit_uploads__upload_id__commit_post: {
        parameters: {
            path: {
                upload_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    original_uploads__upload_id__file_get: {
        parameters: {
            path: {
                upload_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/octet-stream": unknown;
                };
            };
        };
    };
    preview_uploads__upload_id__preview_get: {
        parameters: {
            query?: {
                /** @description After this row. */
                after?: number;
                /** @description west,south,east,north in degrees. */
                bbox?: string;
                limit?: number;
                /** @description One or more statuses. */
                status?: ("new" | "changed" | "unchanged" | "valid" | "rejected" | "deleted" | "absent")[];
            };
            path: {
                upload_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                };
            };
        };
    };
    report_uploads__upload_id__report_get: {
        parameters: {
            query?: {
                f?: "json" | "xlsx" | "geojson";
            };
            path: {
                upload_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/geo+json": unknown;
                    "application/json": unknown;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": unknown;
                };
            };
        };
    };
    revert_uploads__upload_id__revert_post: {
        parameters: {
            path: {
                upload_id: number;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
            202: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    create_uploads_tus_post: {
        responses: {
            201: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    options_uploads_tus_options: {
        responses: {
            204: {
            };
        };
    };
    head_uploads_tus__name__get: {
        parameters: {
            path: {
                name: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    override_uploads_tus__name__post: {
        parameters: {
            path: {
                name: string;
            };
        };
        responses: {
            200: {
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    terminate_uploads_tus__name__delete: {
        parameters: {
            path: {
                name: string;
            };
        };
        responses: {
            204: {
            };
        };
    };
    options_of_one_uploads_tus__name__options: {
        parameters: {
            path: {
                name: string;
            };
        };
        responses: {
            204: {
            };
        };
    };
    patch_uploads_tus__name__patch: {
        parameters: {
            path: {
                name: string;
            };
        };
        responses: {
            204: {
            };
        };
    };
}
