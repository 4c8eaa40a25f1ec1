"""GDAL's environment in a sandboxed child: which drivers exist there and what they may do.

GDAL recognises files by content, so a VRT named ``.shp`` or a WFS description named
``.kml`` would read other files or call addresses. Every driver that this project does
not read is taken out before GDAL starts; readers still check which driver opened a file.
"""

from __future__ import annotations

#: Left in: ESRI Shapefile, GPKG, GeoJSON, KML, LIBKML, FlatGeobuf, DXF, GTiff, COG,
#: JP2OpenJPEG, PNG, MEM.
SKIPPED_DRIVERS = (
    "AAIGrid,ACE2,ADBC,ADRG,AIG,AirSAR,AIVector,AmigoCloud,Arrow,AVCBin,AVCE00,BAG,BIGGIF,BLX,"
    "BMP,BSB,BT,BYN,CAD,CALS,Carto,CEOS,COASP,COSAR,CPG,CSV,CSW,CTable2,CTG,DAAS,DERIVED,DGN,"
    "DIMAP,DIPEx,DODS,DOQ1,DOQ2,DTED,ECRGTOC,EDIGEO,EEDA,EEDAI,EHdr,EIR,ELAS,Elasticsearch,"
    "ENVI,ERS,ESAT,ESRIC,ESRIJSON,FAST,FIT,GDALG,GenBin,GeoJSONSeq,Geomedia,GeoRaster,GeoRSS,"
    "GFF,GIF,GML,GMLAS,GNMDatabase,GNMFile,GPSBabel,GPX,GRASSASCIIGrid,GRIB,GS7BG,GSAG,GSBG,"
    "GSC,GTFS,GTI,GTX,GXF,HANA,HDF5,HDF5Image,HF2,HFA,HTTP,IDB,Idrisi,ILWIS,Interlis 1,"
    "Interlis 2,IRIS,ISCE,ISG,ISIS2,ISIS3,JAXAPALSAR,JDEM,JML,JPEG,JSONFG,KEA,"
    "KMLSUPEROVERLAY,KRO,L1B,LAN,LCP,Leveller,LOSLAS,LVBAG,MAP,MapInfo File,MapML,MBTiles,MFF,"
    "MFF2,MiraMonVector,MongoDBv3,MRF,MSGN,MSSQLSpatial,MVT,MySQL,NAS,NDF,netCDF,NGSGEOID,NGW,"
    "NITF,NOAA_B,NSIDCbin,NTv2,NWT_GRC,NWT_GRD,OAPIF,OCI,ODBC,ODS,OGCAPI,OGR_GMT,OGR_PDS,"
    "OGR_VRT,OpenFileGDB,OSM,OZI,Parquet,PAux,PCIDSK,PCRaster,PDF,PDS,PDS4,PGDUMP,PGeo,"
    "PLMOSAIC,PLSCENES,PMTiles,PNM,PostGISRaster,PostgreSQL,PRF,R,Rasterlite,RIK,RMF,ROI_PAC,"
    "RPFTOC,RRASTER,RS2,RST,S102,S104,S111,S57,SAFE,SAGA,SAR_CEOS,SDTS,Selafin,SENTINEL2,SGI,"
    "SIGDEM,SNAP_TIFF,SNODAS,Snowflake,SQLite,SRP,SRTMHGT,STACIT,STACTA,SXF,Terragen,TGA,TIL,"
    "TileDB,TopoJSON,TSX,USGSDEM,VDV,VFK,VICAR,VRT,Walk,WAsP,WCS,WEBP,WFS,WMS,WMTS,XLSX,XPM,"
    "XYZ,Zarr,ZMap"
)

GDAL_ENVIRONMENT = {
    "GDAL_SKIP": SKIPPED_DRIVERS,
    "OGR_SKIP": SKIPPED_DRIVERS,
    "GDAL_DRIVER_PATH": "disable",  # no plug-ins
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no side files but those we name
    "GDAL_PAM_ENABLED": "NO",  # neither reads nor writes .aux.xml
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": "256",
    "PROJ_NETWORK": "OFF",
    # Where no network namespace can be had: every address is refused before any packet.
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_CONNECTTIMEOUT": "1",
    "GDAL_HTTP_TIMEOUT": "1",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "OGR_GEOJSON_MAX_OBJ_SIZE": "200",
}
